import re
import string

from hypothesis import example, given
from hypothesis import strategies as st

from bakeoff.runtime.addresses import (
    below,
    file_name,
    shown,
    without_secrets,
)
from bakeoff.runtime.errors import BakeoffError

MARKED = "S3CRET"
# A secret as somebody might write it, percent-encoded or not, with a mark to look for.
signs = st.text(string.ascii_letters + string.digits + string.punctuation, max_size=8)
secrets = st.builds(lambda before, after: f"{before}{MARKED}{after}", signs, signs)
hosts = st.sampled_from(["example.org", "example.org:8080", "[::1]:80", "127.0.0.1", "localhost"])
paths = st.sampled_from(["", "/", "/weights/", "/a/b c.h5", "/x:y;z.zip"])
schemes = st.sampled_from(["https", "http", "HTTPS", "postgresql+psycopg2"])


@given(schemes, secrets, hosts, paths)
@example("https", f"p/{MARKED}", "example.org", "/x")
@example("https", f"1/{MARKED}", "example.org", "/x")
@example("https", f"p?{MARKED}#", "example.org", "/x")
@example("https", f"@{MARKED}\\", "example.org", "/x")
def test_no_password_survives(scheme, password, host, path):
    for user in (f"anna:{password}", password, f":{password}"):
        address = f"{scheme}://{user}@{host}{path}"
        assert MARKED not in shown(address)
        assert MARKED not in without_secrets(f"a: {address} b")


@given(schemes, secrets, hosts, paths, st.booleans())
@example("https", f"@{MARKED}", "example.org", "/x", True)
@example("https", f"http://{MARKED}", "example.org", "/x", False)
def test_no_query_value_survives(scheme, value, host, path, with_user):
    user = "anna:pw@" if with_user else ""
    for query in (f"?token={value}", f"?{value}", f"?a=1&X-Amz-Signature={value}", f"#{value}"):
        address = f"{scheme}://{user}{host}{path}{query}"
        assert MARKED not in shown(address)
        assert MARKED not in without_secrets(f"a: '{address}', b".replace("b c.h5", "c.h5"))


@given(schemes, hosts, st.from_regex(r"(/[a-zA-Z0-9._~%-]*)*", fullmatch=True))
def test_an_address_without_secrets_is_shown_whole(scheme, host, path):
    address = f"{scheme}://{host}{path}"
    assert shown(address) == without_secrets(address) == address
    assert shown(f"{scheme}://anna:s%40c@{host}{path}?token=x#y") == address


@given(st.text())
@example("https://a:b@c/d?e f://g@h")
def test_once_is_enough(text):
    assert without_secrets(without_secrets(text)) == without_secrets(text)
    assert shown(shown(text)) == shown(text)


def test_what_is_no_address_stays():
    for text in ("~/mirror/a@b?c", r"C:\weights\x#y", "git@github.com:a/b", "", "a: b"):
        assert shown(text) == without_secrets(text) == text


def test_a_file_in_a_folder_has_the_folder_s_query():
    assert below("https://u:p@h/w/", "a.h5") == "https://u:p@h/w/a.h5"
    assert below("https://h?token=x/y", "a.h5") == "https://h/a.h5?token=x/y"


def test_a_file_s_name_is_never_a_login():
    assert file_name("https://anna:pw@h/d/set.zip?token=x") == "set.zip"
    for address in ("https://anna:pw@h", "https://h?token=x", "https://anna:p/w@h", "https://h/"):
        assert file_name(address) == ""


def test_texts_keep_all_else():
    text = 'defaults: {weights_mirror: "https://anna:pw@h/w?token=x", seed: 3} # as asked\n'
    kept = 'defaults: {weights_mirror: "https://h/w", seed: 3} # as asked\n'
    assert without_secrets(text) == kept


def test_an_error_sentence_holds_no_login():
    assert not re.search("anna|pw|x1", str(BakeoffError("no https://anna:pw@h/w?token=x1 here")))
