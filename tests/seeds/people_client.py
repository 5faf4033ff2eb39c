"""Unmodified clients of three libraries sign a person in. Reads a JSON object, prints what came of it as the last line.

The person is a browser of a few lines: it keeps cookies, fills in the login form and presses "Allow".
"""
import html
import json
import re
import sys
import threading
from urllib.parse import parse_qs, urlencode, urljoin, urlparse

import requests

asked = json.load(sys.stdin)
issuer, client_id, secret = asked["issuer"], asked["client_id"], asked["client_secret"]
metadata = requests.get(issuer + "/.well-known/oauth-authorization-server", timeout=30).json()


class Person:
    def __init__(self):
        self.session = requests.Session()

    def visit(self, url):
        """Signs in and allows; the URL at which the browser leaves the server, with what it takes along."""
        answer = self.session.get(url, allow_redirects=False, timeout=30)
        for _ in range(10):
            if answer.is_redirect:
                url = urljoin(url, answer.headers["location"])
                if not url.startswith(issuer + "/"):
                    return url
                answer = self.session.get(url, allow_redirects=False, timeout=30)
                continue
            assert answer.status_code == 200, (answer.status_code, answer.text)
            if 'id="answer"' in answer.text:
                # response_mode=form_post: the page is a form for the app.
                action = re.search(r'action="([^"]*)" id="answer"', answer.text).group(1)
                fields = dict(re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', answer.text))
                return html.unescape(action) + "?" + urlencode({n: html.unescape(v) for n, v in fields.items()})
            form = {"csrf": re.search(r'name="csrf" value="([^"]*)"', answer.text).group(1)}
            if "current-password" in answer.text:
                form.update(login="1", username=asked["username"], password=asked["password"])
            else:
                form.update(approve="1")
            answer = self.session.post(url, data=form, allow_redirects=False, timeout=30)
        raise AssertionError("the sign-in does not end")


    def connect(self, url):
        """Follows a device's link, signs in and allows; whether the last page says so."""
        answer = self.session.get(url, timeout=30)
        csrf = lambda page: re.search(r'name="csrf" value="([^"]*)"', page).group(1)
        code = re.search(r'name="user_code" value="([^"]*)"', answer.text).group(1)
        answer = self.session.post(issuer + "/device", data={"csrf": csrf(answer.text), "user_code": code}, timeout=30)
        form = {"login": "1", "username": asked["username"], "password": asked["password"]}
        answer = self.session.post(answer.url, data={"csrf": csrf(answer.text), **form}, timeout=30)
        answer = self.session.post(answer.url, data={"csrf": csrf(answer.text), "approve": "1"}, timeout=30)
        return answer.status_code == 200 and "Your device is connected" in answer.text


def flat(url):
    return {name: values[0] for name, values in parse_qs(urlparse(url).query).items()}


def msal_code_flow():
    from msal.oauth2cli.oauth2 import Client

    events = []
    client = Client(
        metadata,
        client_id,
        client_secret=secret,
        on_obtaining_tokens=lambda event: events.append("obtaining"),
        on_removing_rt=lambda rt: events.append("removing"),
        on_updating_rt=lambda old, new: events.append("updating"),
    )
    flow = client.initiate_auth_code_flow(scope=["read"], redirect_uri=asked["redirect_uri"])
    tokens = client.obtain_token_by_auth_code_flow(flow, flat(Person().visit(flow["auth_uri"])))
    refreshed = client.obtain_token_by_refresh_token(
        {"refresh_token": tokens["refresh_token"]}, scope=["read"], rt_getter=lambda item: item["refresh_token"]
    )
    # A refresh token that is none any more is taken out of the cache.
    client.obtain_token_by_refresh_token("tfr_none", scope=["read"], rt_getter=lambda item: item)
    return {"tokens": tokens, "refreshed": refreshed, "events": events}


def msal_browser():
    from msal.oauth2cli.oauth2 import Client

    client = Client(metadata, asked["native_id"])
    person = Person()

    def opened(url):
        def go():
            back = person.visit(url)
            requests.post(back.split("?")[0], data=flat(back), timeout=30)

        threading.Thread(target=go, daemon=True).start()

    return {"tokens": client.obtain_token_by_browser(scope=["read"], timeout=60, auth_uri_callback=opened)}


def msal_device_flow():
    from msal.oauth2cli.oauth2 import Client

    client = Client(metadata, client_id, client_secret=secret)
    flow = client.initiate_device_flow(scope=asked.get("scope"))
    assert "user_code" in flow, flow
    # One poll before anybody has answered.
    pending = client.obtain_token_by_device_flow(flow, exit_condition=lambda flow: True)
    slowed = client.obtain_token_by_device_flow(flow, exit_condition=lambda flow: True)
    person = Person()
    answered = person.connect(flow["verification_uri_complete"])
    tokens = client.obtain_token_by_device_flow(flow)
    refreshed = client.obtain_token_by_refresh_token(
        {"refresh_token": tokens["refresh_token"]}, scope=["read"], rt_getter=lambda item: item["refresh_token"]
    )
    again = client.obtain_token_by_device_flow(flow, exit_condition=lambda flow: True)
    told = {"pending": pending, "slowed": slowed, "answered": answered, "again": again, "interval": flow["interval"]}
    return {"tokens": tokens, "refreshed": refreshed, **told}


def authlib():
    from authlib.integrations.requests_client import OAuth2Session

    client = OAuth2Session(
        client_id, secret, scope="read", redirect_uri=asked["redirect_uri"], code_challenge_method="S256"
    )
    verifier = "v" * 64
    url, _ = client.create_authorization_url(metadata["authorization_endpoint"], code_verifier=verifier)
    back = Person().visit(url)
    tokens = client.fetch_token(
        metadata["token_endpoint"], authorization_response=back, code_verifier=verifier
    )
    refreshed = client.refresh_token(metadata["token_endpoint"], refresh_token=tokens["refresh_token"])
    ended = client.revoke_token(metadata["revocation_endpoint"], token=refreshed["refresh_token"])
    return {"tokens": dict(tokens), "refreshed": dict(refreshed), "revoked": ended.status_code}


def requests_oauthlib():
    from requests_oauthlib import OAuth2Session

    session = OAuth2Session(client_id, redirect_uri=asked["redirect_uri"], scope=["read"], pkce="S256")
    url, _ = session.authorization_url(metadata["authorization_endpoint"])
    tokens = session.fetch_token(
        metadata["token_endpoint"], authorization_response=Person().visit(url), client_secret=secret
    )
    refreshed = session.refresh_token(
        metadata["token_endpoint"], auth=requests.auth.HTTPBasicAuth(client_id, secret)
    )
    return {"tokens": dict(tokens), "refreshed": dict(refreshed)}


def msal_oidc():
    from msal.oauth2cli.oidc import Client

    client = Client(metadata, client_id, client_secret=secret)
    flow = client.initiate_auth_code_flow(scope=["openid", "email"], redirect_uri=asked["redirect_uri"])
    tokens = client.obtain_token_by_auth_code_flow(flow, flat(Person().visit(flow["auth_uri"])))
    refreshed = client.obtain_token_by_refresh_token(tokens["refresh_token"], scope=["openid"])
    return {"tokens": tokens, "refreshed": refreshed}


def authlib_oidc():
    """What a relying party on Authlib does: discovery, keys, signature, nonce, at_hash, userinfo."""
    from authlib.integrations.requests_client import OAuth2Session
    from authlib.oidc.core import CodeIDToken
    from joserfc import jwt
    from joserfc.jwk import KeySet

    found = requests.get(issuer + "/.well-known/openid-configuration", timeout=30).json()
    client = OAuth2Session(
        client_id,
        secret,
        scope="openid profile email",
        redirect_uri=asked["redirect_uri"],
        code_challenge_method="S256",
    )
    verifier = "v" * 64
    url, _ = client.create_authorization_url(found["authorization_endpoint"], code_verifier=verifier, nonce="n-0")
    tokens = client.fetch_token(
        found["token_endpoint"], authorization_response=Person().visit(url), code_verifier=verifier
    )
    keys = KeySet.import_key_set(requests.get(found["jwks_uri"], timeout=30).json())
    decoded = jwt.decode(tokens["id_token"], keys, algorithms=found["id_token_signing_alg_values_supported"])
    params = {"nonce": "n-0", "client_id": client_id, "access_token": tokens["access_token"]}
    token = CodeIDToken(
        decoded.claims, decoded.header, {"iss": {"essential": True, "value": found["issuer"]}}, params
    )
    token.validate(leeway=120)
    known = client.get(found["userinfo_endpoint"]).json()
    return {"id_token": dict(decoded.claims), "alg": decoded.header["alg"], "userinfo": known}


print("\n" + json.dumps(globals()[asked["client"]](), default=str))
