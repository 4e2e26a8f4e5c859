"""Who holds a switch, who speaks for it, where it is moved to, and who is told so."""
