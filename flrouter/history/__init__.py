"""Every request ever: what ended, and what happened to FLs, kept for weeks and found by anything.

The router writes it to a topic of its own, a small application indexes that topic, and whoever
looks asks the index. Read it in this order (docs/decisions/history.md says why it is so):

========== ==================================================================================
`record`   what a record of the topic says: requests that ended, events of FLs
`search`   what can be asked, and what comes back: the port `Store`
`sqlite`   the store of one machine: a folder with a file for each day
========== ==================================================================================
"""
