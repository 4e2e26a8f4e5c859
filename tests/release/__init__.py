"""`make dist`: what is given to people, built, looked into and tried."""
