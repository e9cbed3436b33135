"""Who may reach the server, and how much they may ask of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from agent.config.config import Config
from agent.config.web_sections import WebSection
from agent.web.app import make_app
from agent.web.safety import guard
from agent.web.safety.access import Access, check_web, own_names
from agent.web.safety.limits import ANYTHING, TALK, VISITS, WRONG_TOKENS
from agent.web.safety.rates import MOST_BUCKETS, Rate, Rates
from speech.errors import InputError
from tests import virtual_time
from tests.fake_hall import FakeHall

TOKEN = "a-token-of-32-letters-and-digits"
PEM = Path("/etc/some.pem")
BESIDE = {"Authorization": f"Bearer {TOKEN}"}


def _checked(token: str = TOKEN, **web: object) -> Access:
    return check_web(Config(web=WebSection(**web)), {"VISAVIS_WEB_TOKEN": token} if token else {})


# ---- Who may start


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_this_machine_alone_needs_nothing(host: str) -> None:
    assert _checked("", host=host) == Access()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "avatar.example", "127.0.0.1.example"])
def test_anything_else_takes_a_token_and_tls(host: str) -> None:
    own = frozenset(own_names())
    with pytest.raises(InputError, match=r"^web.host .* takes a token in the environment: .*; and TLS: "):
        _checked("", host=host)
    with pytest.raises(InputError, match=r"which takes TLS: web.tls_certificate and web.tls_key, or web.behind_proxy"):
        _checked(host=host)
    with pytest.raises(InputError, match=r"which takes TLS: "):
        _checked(host=host, tls_certificate=PEM)
    with pytest.raises(InputError, match=r'which takes a token in the environment: export VISAVIS_WEB_TOKEN="'):
        _checked("", host=host, tls_certificate=PEM, tls_key=PEM)
    assert _checked(host=host, tls_certificate=PEM, tls_key=PEM) == Access(TOKEN, own, encrypted=True)
    assert _checked(host=host, behind_proxy=True) == Access(TOKEN, own, behind_proxy=True, encrypted=True)


def test_a_proxy_lets_others_in_too() -> None:
    with pytest.raises(InputError, match=r"^web.behind_proxy .*a token") as refused:
        _checked("", behind_proxy=True)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("token", ["short", "with spaces in between it", "ünïcödé-letters-of-16"])
def test_a_weak_token_is_refused_and_not_told(token: str) -> None:
    with pytest.raises(InputError, match=r"VISAVIS_WEB_TOKEN: expected a token of 16 or more") as refused:
        _checked(token)
    assert token not in str(refused.value)


@pytest.mark.parametrize(
    ("key", "wrong"),
    [
        ("hosts", "https://avatar.example"),
        ("hosts", "avatar.example:8080"),
        ("hosts", "*"),
        ("embed_origins", "school.example"),
        ("embed_origins", "https://school.example/page"),
        ("embed_origins", "*"),
        ("embed_origins", "https://*.example"),
        ("embed_origins", "https://school.example; script-src *"),
        ("embed_origins", "https://a@school.example"),
        ("embed_origins", "https://school.example:99999"),
        ("embed_origins", "https://[::1"),
    ],
)
def test_names_and_origins_that_are_none_are_refused(key: str, wrong: str) -> None:
    with pytest.raises(InputError, match=rf"^web.{key} \(default\): expected "):
        _checked(**{key: wrong})


def test_names_and_origins_are_taken() -> None:
    access = _checked(hosts="Avatar.example kiosk.", embed_origins="https://School.example/ http://localhost:9000")
    assert access.hosts == {"avatar.example", "kiosk"}
    assert access.embed_origins == ("https://school.example", "http://localhost:9000")


# ---- Who may ask


@asynccontextmanager
async def calling(
    access: Access, base: str = "http://localhost:8080", address: str = "127.0.0.1"
) -> AsyncIterator[httpx.AsyncClient]:
    app = make_app(FakeHall(), access)  # type: ignore[arg-type]
    transport = httpx.ASGITransport(app, client=(address, 5000))
    async with httpx.AsyncClient(transport=transport, base_url=base) as client:
        yield client


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:8080", 200),
        ("127.0.0.1", 200),
        ("[::1]:8080", 200),
        ("192.168.1.5:8080", 200),
        ("avatar.example", 200),
        ("AVATAR.example.:443", 200),
        ("evil.example", 421),
        ("avatar.example.evil.example", 421),
        ("evil.example:8080", 421),
        ("localhost@evil.example", 421),
        ("evil.example/localhost", 421),
        ("localhost:port", 421),
        ("", 421),
        ("[", 421),
        ("a b", 421),
    ],
)
def test_only_names_of_the_server_are_answered(host: str, status: int) -> None:
    async def main() -> None:
        async with calling(Access(hosts=frozenset(["avatar.example"]))) as client:
            assert (await client.get("/api/ready", headers={"Host": host})).status_code == status

    asyncio.run(main())


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        (None, 201),
        ("http://localhost:8080", 201),
        ("https://school.example", 201),
        ("http://localhost", 403),
        ("https://localhost:8080", 403),
        ("http://evil.example", 403),
        ("http://school.example", 403),
        ("https://school.example.evil.example", 403),
        ("http://localhost:8080.evil.example", 403),
        ("http://localhost:8080/path", 403),
        ("null", 403),
        ("", 403),
        ("file://", 403),
        ("http://[", 403),
    ],
)
def test_only_pages_that_may_change_something(origin: str | None, status: int) -> None:
    async def main() -> None:
        async with calling(Access(embed_origins=("https://school.example",))) as client:
            headers = {} if origin is None else {"Origin": origin}
            answer = await client.post("/api/sessions", json={}, headers=headers)
            assert answer.status_code == status
            may_read = answer.headers.get("Access-Control-Allow-Origin")
            assert may_read == ("https://school.example" if origin == "https://school.example" else None)

    asyncio.run(main())


def test_a_browser_without_an_origin_is_asked_where_it_comes_from() -> None:
    async def main() -> None:
        async with calling(Access()) as client:
            for site, status in (("cross-site", 403), ("same-site", 403), ("same-origin", 201), ("none", 201)):
                answer = await client.post("/api/sessions", json={}, headers={"Sec-Fetch-Site": site})
                assert answer.status_code == status

    asyncio.run(main())


def test_a_default_port_need_not_be_named() -> None:
    async def main() -> None:
        access = Access(hosts=frozenset(["avatar.example"]), behind_proxy=True, encrypted=True)
        async with calling(access, "http://avatar.example") as client:
            headers = {"X-Forwarded-Proto": "https", "Origin": "https://avatar.example"}
            for host, status in (("avatar.example", 201), ("avatar.example:443", 201), ("avatar.example:8443", 403)):
                answer = await client.post("/api/sessions", json={}, headers={**headers, "Host": host})
                assert answer.status_code == status, host

    asyncio.run(main())


def test_another_sites_page_asks_before_it_does() -> None:
    async def main() -> None:
        async with calling(Access(TOKEN, embed_origins=("https://school.example",))) as client:
            asked = {"Access-Control-Request-Method": "DELETE", "Access-Control-Request-Headers": "authorization"}
            may = await client.options("/api/sessions/x", headers={"Origin": "https://school.example", **asked})
            assert may.status_code == 200
            assert may.headers["Access-Control-Allow-Origin"] == "https://school.example"
            assert "Access-Control-Allow-Credentials" not in may.headers
            may_not = await client.options("/api/sessions/x", headers={"Origin": "https://evil.example", **asked})
            assert may_not.status_code == 400
            assert "Access-Control-Allow-Origin" not in may_not.headers

    asyncio.run(main())


# ---- The token


def test_nothing_is_told_without_the_token() -> None:
    async def main() -> None:
        async with calling(Access(TOKEN)) as client:
            for method, path in (
                ("GET", "/"),
                ("GET", "/index.html"),
                ("GET", "/api/openapi.json"),
                ("GET", "/api/voices"),
                ("GET", "/api/about"),
                ("POST", "/api/sessions"),
                ("GET", "/api/sessions/x/events"),
                ("DELETE", "/api/sessions/x"),
                ("GET", "/nothing"),
                ("OPTIONS", "/api/sessions"),
                ("GET", "/api/health/../voices"),
                ("GET", "/api/health/"),
            ):
                answer = await client.request(method, path)
                assert answer.status_code == 401, (method, path)
                assert answer.headers["WWW-Authenticate"] == "Bearer"
            for path in ("/api/health", "/api/ready"):
                assert (await client.get(path)).status_code == 200

    asyncio.run(main())


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (BESIDE, 200),
        ({"Authorization": f"bearer  {TOKEN} "}, 200),
        ({"Authorization": f"Basic {TOKEN}"}, 401),
        ({"Authorization": "Bearer"}, 401),
        ({"Authorization": f"Bearer {TOKEN[:-1]}"}, 401),
        ({"Authorization": f"Bearer {TOKEN}x"}, 401),
        ({"Authorization": "Bearer \xe9\xff".encode("latin-1")}, 401),
        ({"Cookie": f"visavis={TOKEN}"}, 401),
        ({"Cookie": "visavis"}, 401),
        ({"Cookie": ";;=;visavis=\xe9".encode("latin-1")}, 401),
    ],
)
def test_only_the_right_token_opens(headers: dict[str, str | bytes], status: int) -> None:
    async def main() -> None:
        async with calling(Access(TOKEN)) as client:
            assert (await client.get("/api/about", headers=headers)).status_code == status

    asyncio.run(main())


def test_a_link_leaves_a_cookie_and_an_address_without_the_token() -> None:
    async def main() -> None:
        async with calling(Access(TOKEN)) as client:
            came = await client.get(f"/?kiosk=1&token={TOKEN}")
            assert (came.status_code, came.headers["Location"]) == (303, "/?kiosk=1")
            cookie = came.headers["Set-Cookie"]
            assert TOKEN not in cookie
            assert cookie.endswith("Path=/; HttpOnly; SameSite=Lax")
            assert (await client.get("/")).status_code == 200
            assert (await client.post("/api/sessions", json={})).status_code == 201
            again = await client.get("/", params={"token": "wrong"})
            assert again.status_code == 401
            # The token in an address of the API would be remembered by proxies.
            client.cookies.clear()
            assert (await client.get(f"/api/about?token={TOKEN}")).status_code == 401
            elsewhere = await client.get(f"//evil.example/?token={TOKEN}")
            assert elsewhere.headers.get("Location", "/").startswith("/") and "//" not in elsewhere.headers["Location"]

    asyncio.run(main())


def test_a_cookie_travels_only_encrypted_where_visitors_come_so() -> None:
    async def main() -> None:
        async with calling(Access(TOKEN, encrypted=True), "https://localhost") as client:
            cookie = (await client.get(f"/?token={TOKEN}")).headers["Set-Cookie"]
            assert cookie.endswith("HttpOnly; Secure; SameSite=Lax")
        embedded = Access(TOKEN, embed_origins=("https://school.example",), encrypted=True)
        async with calling(embedded, "https://localhost") as client:
            cookie = (await client.get(f"/?token={TOKEN}")).headers["Set-Cookie"]
            assert cookie.endswith("HttpOnly; Secure; SameSite=None; Partitioned")

    asyncio.run(main())


def test_a_visitor_without_the_token_is_asked_for_it_on_a_page() -> None:
    async def main() -> None:
        async with calling(Access(TOKEN)) as client:
            page = await client.get("/", headers={"Accept": "text/html,*/*"})
            assert page.status_code == 401 and '<input type="password" name="token"' in page.text
            wrong = await client.get("/?token=<script>", headers={"Accept": "text/html"})
            assert "The token is wrong." in wrong.text and "<script>" not in wrong.text

    asyncio.run(main())


def test_tokens_can_not_be_tried_out_and_nobody_else_is_kept_out() -> None:
    async def main() -> None:
        async with calling(Access(TOKEN)) as client:
            cookie = (await client.get(f"/?token={TOKEN}")).headers["Set-Cookie"].partition(";")[0]
            client.cookies.clear()
            # A page that stayed open while the token was changed asks again and again with its old cookie.
            old = [await client.get("/api/about", headers={"Cookie": "visavis=0"}) for _ in range(50)]
            assert {answer.status_code for answer in old} == {401}
            codes = [
                (await client.get("/api/about", headers={"Authorization": f"Bearer {n:032}"})).status_code
                for n in range(WRONG_TOKENS.at_once + 3)
            ]
            assert codes == [401] * WRONG_TOKENS.at_once + [429] * 3
            assert (await client.get("/api/about", headers=BESIDE)).status_code == 429
            assert (await client.get(f"/?token={TOKEN}")).status_code == 429
            assert (await client.get("/api/about", headers={"Cookie": cookie})).status_code == 200
            await asyncio.sleep(1.0 / WRONG_TOKENS.per_s)
            assert (await client.get("/api/about", headers=BESIDE)).status_code == 200

    virtual_time.run(main())


# ---- How much


def test_a_bucket_fills_again_and_the_table_stays_small() -> None:
    async def main() -> None:
        rates, rate = Rates(), Rate(0.5, 3)
        assert [rates.wait_s(rate, "a") for _ in range(5)] == [0, 0, 0, 2, 2]
        await asyncio.sleep(2.0)
        assert [rates.wait_s(rate, "a"), rates.wait_s(rate, "a"), rates.wait_s(rate, "b")] == [0, 2, 0]
        for number in range(2 * MOST_BUCKETS):
            rates.wait_s(rate, str(number))
        assert len(rates._buckets) == MOST_BUCKETS

    virtual_time.run(main())


def test_one_address_is_slowed_and_the_next_is_not() -> None:
    async def main() -> None:
        access = Access(behind_proxy=True)
        async with calling(access) as client:

            async def ask(forwarded: str) -> int:
                return (await client.get("/api/health", headers={"X-Forwarded-For": forwarded})).status_code

            first = [await ask("1.2.3.4") for _ in range(ANYTHING.at_once + 5)]
            assert first.count(429) == 5
            # Only what the proxy itself added counts; a household has more IPv6 addresses than anybody can count.
            assert await ask("5.6.7.8, 1.2.3.4") == 429
            assert await ask("1.2.3.4, 5.6.7.8") == 200
            for number in range(ANYTHING.at_once):
                assert await ask(f"2001:db8::{number:x}") == 200
            assert await ask("2001:db8::ffff:1") == 429
            assert await ask("2001:db8:0:1::1") == 200
            assert await ask("nonsense") == 200

    virtual_time.run(main())


def test_who_has_no_proxy_does_not_believe_one() -> None:
    async def main() -> None:
        for access, address in ((Access(), "127.0.0.1"), (Access(behind_proxy=True), "93.184.216.34")):
            async with calling(access, address=address) as client:
                codes = [
                    (await client.get("/api/health", headers={"X-Forwarded-For": f"1.2.3.{n % 250}"})).status_code
                    for n in range(ANYTHING.at_once + 2)
                ]
                assert codes[-2:] == [429, 429]

    virtual_time.run(main())


def test_visits_and_texts_have_rates_of_their_own() -> None:
    async def main() -> None:
        async with calling(Access()) as client:
            at = f"/api/sessions/{(await client.post('/api/sessions', json={})).json()['id']}"
            says = [(await client.post(f"{at}/say", json={"text": "Hi."})) for _ in range(TALK.at_once + 1)]
            assert [answer.status_code for answer in says] == [202] * TALK.at_once + [429]
            assert says[-1].headers["Retry-After"] == "1"
            begun = [(await client.post("/api/sessions", json={})).status_code for _ in range(VISITS.at_once)]
            assert begun[-1] == 429 and begun.count(429) == 1

    virtual_time.run(main())


def test_a_large_body_is_refused_before_it_comes() -> None:
    async def never() -> AsyncIterator[bytes]:
        raise AssertionError("the body was read")
        yield b""

    async def main() -> None:
        async with calling(Access()) as client:
            for path, length in (("/api/portraits", 200_000_000), ("/api/sessions", 40_000), ("/nothing", 10**30)):
                told = {"Content-Length": str(length), "Content-Type": "multipart/form-data; boundary=x"}
                refused = await client.post(path, content=never(), headers=told)
                assert refused.status_code == 413 and "expected at most" in refused.json()["detail"]
            for odd in ("-1", "abc", "1e9", "0x10"):
                refused = await client.post("/api/sessions", content=never(), headers={"Content-Length": odd})
                assert refused.status_code == 413

    asyncio.run(main())


def test_a_large_upload_that_does_not_say_so_is_cut_off() -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        yield b'--x\r\nContent-Disposition: form-data; name="picture"; filename="a"\r\n\r\n'
        while True:
            sent += 65_536
            yield bytes(65_536)

    async def main() -> None:
        async with calling(Access(upload_bytes=2_000_000)) as client:
            headers = {"Content-Type": "multipart/form-data; boundary=x"}
            refused = await client.post("/api/portraits", content=endless(), headers=headers)
            assert refused.status_code == 413, refused.text
            assert sent < 2_200_000

    asyncio.run(main())


def test_a_body_that_never_ends_is_given_up() -> None:
    async def slow() -> AsyncIterator[bytes]:
        while True:
            yield b" "
            await asyncio.sleep(5.0)

    async def main() -> None:
        async with calling(Access()) as client:
            headers = {"Content-Type": "application/json"}
            given_up = await client.post("/api/sessions", content=slow(), headers=headers)
            assert given_up.status_code == 408
            assert asyncio.get_running_loop().time() - began == pytest.approx(60.0, abs=1.0)

    began = 0.0
    virtual_time.run(main())


def test_every_answer_is_told_to_browsers_with_care() -> None:
    async def main() -> None:
        access = Access(TOKEN, embed_origins=("https://school.example",))
        async with calling(access) as client:
            answers = [
                await client.get("/", headers=BESIDE),
                await client.get("/api/voices"),
                await client.get("/api/about", headers=BESIDE),
                await client.get("/nothing", headers=BESIDE),
                await client.get("/", headers={"Host": "evil.example"}),
                await client.post("/api/sessions", json={}, headers={"Origin": "https://evil.example"}),
                await client.post("/api/sessions", content=b"", headers={"Content-Length": "999999999"} | BESIDE),
            ]
            assert [answer.status_code for answer in answers] == [200, 401, 200, 404, 421, 403, 413]
            for answer in answers:
                policy = answer.headers["Content-Security-Policy"]
                assert "default-src 'none'" in policy and "unsafe" not in policy
                assert policy.endswith("frame-ancestors 'self' https://school.example")
                assert answer.headers["X-Content-Type-Options"] == "nosniff"
                assert answer.headers["Referrer-Policy"] == "same-origin"
                assert "microphone=(self)" in answer.headers["Permissions-Policy"]
                assert "Server" not in answer.headers
            assert answers[2].headers["Cache-Control"] == "no-store"

    asyncio.run(main())


def test_nothing_secret_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with calling(Access(TOKEN)) as client:
            await client.get(f"/?token={TOKEN}")
            begun = await client.post("/api/sessions", json={"persona": "Somebody who knows secrets"}, headers=BESIDE)
            at = f"/api/sessions/{begun.json()['id']}"
            await client.post(f"{at}/ask", json={"text": "What is the secret of it?"}, headers=BESIDE)
            await client.post(f"{at}/ask", json={"txt": "What is the secret of it?"}, headers=BESIDE)
            await client.get("/api/about", headers={"Authorization": "Bearer another-token"})
            ids.append(at)

    ids: list[str] = []
    with caplog.at_level("DEBUG"):
        asyncio.run(main())
    logged = "\n".join(record.getMessage() for record in caplog.records if not record.name.startswith("httpx"))
    assert TOKEN not in logged and "secret" not in logged and "another-token" not in logged
    assert ids[0] not in logged


def test_the_guard_is_the_outermost() -> None:
    app = make_app(FakeHall(), Access())  # type: ignore[arg-type]
    assert app.user_middleware[0].cls is guard.Guard


def test_the_application_starts_and_ends_as_servers_ask_it_to() -> None:
    async def main() -> list[str]:
        asked: asyncio.Queue[dict[str, str]] = asyncio.Queue()
        answers: list[str] = []

        async def send(message: MutableMapping[str, Any]) -> None:
            answers.append(message["type"])

        for message in ("lifespan.startup", "lifespan.shutdown"):
            asked.put_nowait({"type": message})
        app = make_app(FakeHall(), Access(TOKEN))  # type: ignore[arg-type]
        await app({"type": "lifespan", "state": {}}, asked.get, send)
        return answers

    assert asyncio.run(main()) == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
