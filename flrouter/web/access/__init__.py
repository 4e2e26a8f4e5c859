"""Who may read and who may change things at the web port (docs/security.md).

Three ways to say who one is: a token of the settings (`guard.py`), a proxy that logs people in
(`proxy.py`), a token of a provider of OpenID Connect (`oidc.py`). The latter two tell a person with
a role.
"""
