"""What the API, the pages and the metrics have in common: requests, answers, the other workers."""
