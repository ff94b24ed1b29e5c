"""People sign in at the company's issuer: roles, whose customers they see, and what is refused."""

from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import pytest
from console_client import ConsoleClient
from example_application import ExampleApplication
from oidc_issuer import LocalIssuer

from rapport.serving.console.app import create_console
from rapport.serving.environment import Oidc, read_environment
from rapport.serving.security.browser_sign_in import BrowserSignIn
from rapport.serving.security.issuer import IssuerKeys

SECRET = b"a secret of this test only, no other"
CALLBACK = "http://127.0.0.1:3000/sign-in/callback"
CLAIMS = {"claim": "roles", "owner_claim": "crm_owner", "team_claim": "crm_team"}


@pytest.fixture
def issuer():
    made = LocalIssuer()
    made.add("first")
    yield made
    made.server.shutdown()


class Browser(ConsoleClient):
    """A browser before a console whose people sign in at an issuer."""

    def __init__(self, issuer, **settings):
        super().__init__(ExampleApplication(keys_disabled=False))
        oidc = Oidc(
            issuer=issuer.url, audience="rapport", client_id="console", redirect_url=CALLBACK, **(CLAIMS | settings)
        )
        provider = BrowserSignIn(oidc, IssuerKeys(issuer.url))
        self.app = create_console(ExampleApplication(keys_disabled=False), secret=SECRET, provider=provider)

    def begin(self, back="/"):
        return self.ask("GET", f"/sign-in/provider?{urlencode({'back': back})}").headers["location"]

    def back_from(self, address):
        parts = urlsplit(address)
        return self.ask("GET", f"{parts.path}?{parts.query}")


@pytest.fixture
def browser(issuer):
    return Browser(issuer)


def test_a_person_signs_in_at_the_issuer_and_returns_to_the_page(browser, issuer):
    assert "Sign in with your company account" in browser.see("/portfolio")
    address = browser.begin("/portfolio")
    asked = dict(parse_qsl(urlsplit(address).query))
    assert address.startswith(f"{issuer.url}/authorize?")
    assert (asked["response_type"], asked["code_challenge_method"], asked["client_id"]) == ("code", "S256", "console")
    answer = browser.back_from(issuer.sign_in(address, name="Mei Chen", roles=["rapport:admin"]))
    assert (answer.status_code, answer.headers["location"]) == (303, "/portfolio")
    page = browser.see("/home")
    assert "Mei Chen <small>admin</small>" in page
    assert "All customers" in page


@pytest.mark.parametrize(
    ("claims", "scope", "role"),
    [
        ({"roles": "rapport:manager", "crm_team": ["Maria Lopez", "Tom Becker"]}, "My team&#39;s customers", "manager"),
        ({"roles": "rapport:owner", "crm_owner": "Maria Lopez"}, "My customers", "account owner"),
        ({"roles": "rapport:reader", "crm_owner": "Maria Lopez"}, "My customers", "reader"),
        ({"roles": ["rapport:analyst"]}, "All customers", "analyst"),
    ],
)
def test_a_role_says_whose_customers_a_person_sees(browser, issuer, claims, scope, role):
    browser.back_from(issuer.sign_in(browser.begin(), **claims))
    page = browser.see("/home")
    assert scope in page
    assert f"<small>{role}</small>" in page


@pytest.mark.parametrize(
    ("claims", "status", "sentence"),
    [
        ({"roles": "other:admin", "crm_owner": "Maria Lopez"}, 403, "your account has no role here"),
        ({"roles": "rapport:manager"}, 401, "lacks the claim &#39;crm_team&#39;"),
        ({"roles": "rapport:owner"}, 401, "lacks the claim &#39;crm_owner&#39;"),
        ({"roles": "rapport:admin", "nonce": "another"}, 401, "does not answer this sign-in"),
        ({"roles": "rapport:admin", "azp": "another"}, 401, "does not answer this sign-in"),
        ({"roles": "rapport:admin", "aud": "rapport"}, 401, "another audience"),
        ({"roles": "rapport:admin", "exp": 1}, 401, "expired"),
    ],
)
def test_a_person_is_refused_with_a_sentence(browser, issuer, claims, status, sentence):
    answer = browser.back_from(issuer.sign_in(browser.begin(), **claims))
    assert answer.status_code == status
    assert sentence in answer.text
    assert 'name="key"' in browser.see("/")


def test_only_the_browser_that_began_a_sign_in_ends_it_and_only_once(browser, issuer):
    back = issuer.sign_in(browser.begin(), roles="rapport:admin")
    stranger = Browser(issuer)
    assert "not begun in this browser" in stranger.back_from(back).text
    stranger.begin()
    assert "not begun in this browser" in stranger.back_from(f"{CALLBACK}?code=1&state=状态").text
    stranger.begin()
    assert "not begun in this browser" in stranger.back_from(back).text
    assert browser.back_from(back).status_code == 303
    assert "not begun in this browser" in browser.back_from(back).text
    refused = browser.back_from(
        f"{CALLBACK}?error=access_denied&state={parse_qs(urlsplit(browser.begin()).query)['state'][0]}"
    )
    assert (refused.status_code, "did not sign you in" in refused.text) == (401, True)


def test_a_code_is_exchanged_by_the_client_with_its_secret(issuer):
    issuer.secret = "shared & hidden"
    refused = Browser(issuer)
    assert "status 400" in refused.back_from(issuer.sign_in(refused.begin(), roles="rapport:admin")).text
    issuer.secret = "shared-and-hidden"
    trusted = Browser(issuer, client_secret="shared-and-hidden")
    assert trusted.back_from(issuer.sign_in(trusted.begin(), roles="rapport:admin")).status_code == 303


def test_a_session_ends_at_sign_out_and_with_another_issuer_or_claim(browser, issuer):
    browser.back_from(issuer.sign_in(browser.begin(), roles="rapport:admin"))
    moved = Browser(issuer, claim="groups")
    moved._cookies = browser._cookies
    assert 'name="key"' in moved.see("/")
    answer = browser.send("/sign-out")
    assert answer.headers["location"] == "/sign-in?left=1"
    page = browser.see("/sign-in?left=1")
    assert f'href="{issuer.url}/leave?client_id=console"' in page
    assert 'name="key"' in browser.see("/")


def test_an_issuer_that_is_down_leaves_the_key_as_the_way_in(browser, issuer):
    issuer.down = True
    answer = browser.ask("GET", "/sign-in/provider")
    assert answer.status_code == 503
    assert "or use an access key" in answer.text
    assert browser.send("/sign-in", page="/sign-in", key="key-of-all").status_code == 303


def test_without_a_client_there_is_no_such_page():
    browser = ConsoleClient(ExampleApplication(keys_disabled=False))
    assert browser.ask("GET", "/sign-in/provider").status_code == 404
    assert "company account" not in browser.see("/")


def test_settings_of_the_client_belong_together():
    common = {"RAPPORT_OIDC_ISSUER": "https://id.example.com", "RAPPORT_OIDC_AUDIENCE": "rapport"}
    with pytest.raises(Exception, match="RAPPORT_OIDC_REDIRECT_URL belong together"):
        read_environment({**common, "RAPPORT_OIDC_CLIENT_ID": "console"})
    with pytest.raises(Exception, match="must begin with https"):
        read_environment(
            {**common, "RAPPORT_OIDC_CLIENT_ID": "console", "RAPPORT_OIDC_REDIRECT_URL": "http://crm.example.com/"}
        )
