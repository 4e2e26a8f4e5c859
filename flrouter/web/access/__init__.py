"""Who may read and who may change things at the web port (docs/security.md).

A request shows a token of the settings (`guard.py`) or one of an OpenID Connect provider
(`oidc.py`), or comes through a proxy that logs people in (`proxy.py`). Proxy and provider name a
person, who has a role.
"""
