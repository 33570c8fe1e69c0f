"""Applications whose users wait longer than they need to: plainly, and in ways that are harder to see."""

from __future__ import annotations

from benchmarks.corpus.application import Shop, application, system

from tests.advisor.traffic import Attempt

_OVERLOADED = Attempt("overloaded_error", 529, 0.3)
_LIMITED = Attempt("rate_limit_error", 429, 0.2, 9.0)


@application("plain", ("stream-responses", "answer"))
def book_chat(shop: Shop) -> None:
    """Long answers come in one piece while somebody waits."""
    for _ in range(shop.size(40, 90)):
        with shop.request("POST /chat"):
            shop.turn(shop.line("answer"), model="claude-sonnet-5-5", out=shop.size(350, 900), max_tokens=2048)
        shop.wait(40)


@application("hard", ("stream-responses", "explain"))
def museum_app(shop: Shop) -> None:
    """A third of the site's calls stream already; thinking comes first; other sites stream as they should."""
    for number in range(shop.size(90, 140)):
        with shop.request("GET /explain"):
            thought = shop.size(50, 200)
            shop.turn(
                shop.line("explain"),
                model="claude-opus-5-5",
                stream=number % 3 == 0,
                out=thought + shop.size(300, 700),
                thinking_tokens=thought,
                blocks=("thinking:1", "text:1"),
                max_tokens=4096,
            )
        with shop.request("GET /story"):
            shop.turn(shop.line("tell", line=40), model="claude-opus-5-5", stream=True, out=shop.size(300, 800))
        shop.wait(25)


@application("plain", ("reuse-client", "locate"))
def map_search(shop: Shop) -> None:
    """A client is made for every call."""
    for number in range(shop.size(60, 120)):
        with shop.request("GET /locate"):
            shop.turn(
                shop.line("locate"),
                client=(f"client-{number}", 1),
                construction=shop.luck.uniform(0.025, 0.05),
                connection=shop.luck.uniform(0.02, 0.06),
            )
        shop.wait(20)


@application("hard", ("reuse-client", "suggest"))
def slow_shop(shop: Shop) -> None:
    """One client, but its connection is dropped in each pause between two calls."""
    for number in range(1, shop.size(60, 110)):
        with shop.request("GET /suggest"):
            shop.turn(
                shop.line("suggest"),
                client=("shared", number),
                connection=shop.luck.uniform(0.03, 0.09) if number % 8 else None,
            )
        shop.idle(shop.luck.uniform(15, 120))


@application("plain", ("run-in-parallel", "digest"))
def morning_digest(shop: Shop) -> None:
    """One request sums several texts up, one after the other."""
    for _ in range(shop.size(20, 40)):
        with shop.request("GET /digest"):
            for _ in range(shop.size(3, 6)):
                shop.turn(shop.line("digest"), out=shop.size(60, 130))
        shop.wait(60)


@application("hard", ("run-in-parallel", "pros"), may=[("run-in-parallel", "cons"), ("run-in-parallel", "risks")])
def advisor_panel(shop: Shop) -> None:
    """Three lines need nothing of each other; a fourth needs all three."""
    for _ in range(shop.size(20, 40)):
        with shop.request("POST /panel"):
            spans = [
                shop.turn(shop.line(name, line=10 * place), model="claude-sonnet-5-5", tools=1, out=shop.size(60, 140))
                for place, name in enumerate(("pros", "cons", "risks"), 1)
            ]
            shop.turn(
                shop.line("verdict", line=50),
                model="claude-sonnet-5-5",
                stream=True,
                out=shop.size(250, 380),
                depends_on=[f"{span}:0.9" for span in spans],
            )
        shop.wait(45)


@application("plain", ("raise-timeout", "write_letter"))
def letter_writer(shop: Shop) -> None:
    """A timeout of 15 s cuts long letters off, three times each."""
    for _ in range(shop.size(50, 90)):
        late = shop.luck.random() < 0.15
        shop.turn(
            shop.line("write_letter", "jobs/letters.py"),
            model="claude-sonnet-5-5",
            timeout=15.0,
            max_tokens=4096,
            out=0 if late else shop.size(500, 1050),
            failed=[Attempt("APITimeoutError", None, 15.0)] * 3 if late else (),
            error="APITimeoutError" if late else None,
            slept=1.5 if late else 0.0,
        )
        shop.wait(30)


@application("hard", ("raise-timeout", "translate"))
def manual_translator(shop: Shop) -> None:
    """Of many calls few run into the timeout, and most of these are answered by the second attempt."""
    for _ in range(shop.size(150, 220)):
        late = shop.luck.random() < 0.06
        shop.turn(
            shop.line("translate", "jobs/manuals.py"),
            model="claude-sonnet-5-5",
            timeout=12.0,
            max_tokens=2048,
            out=shop.size(450, 850),
            failed=[Attempt("APITimeoutError", None, 12.0)] if late else (),
            slept=0.6 if late else 0.0,
        )
        shop.wait(12)


@application("plain", ("handle-overload", "headline"))
def news_desk(shop: Shop) -> None:
    """The API is overloaded now and then: calls are tried again, some in vain."""
    for _ in range(shop.size(100, 180)):
        chance = shop.luck.random()
        with shop.request("POST /headline"):
            shop.turn(
                shop.line("headline"),
                failed=[_OVERLOADED] * (3 if chance < 0.05 else 1) if chance < 0.12 else (),
                error="overloaded_error" if chance < 0.05 else None,
                status=529,
                slept=1.7 if chance < 0.12 else 0.0,
            )
        shop.wait(15)


@application("hard", ("handle-overload", "index_page"))
def page_indexer(shop: Shop) -> None:
    """Over the rate limit: the SDK sleeps as long as it is told, every call is answered, and no log shows it."""
    for _ in range(shop.size(120, 200)):
        limited = shop.luck.random() < 0.05
        shop.turn(
            shop.line("index_page", "jobs/index.py"),
            failed=[_LIMITED] if limited else (),
            slept=9.0 if limited else 0.0,
        )
        shop.wait(60)


@application("plain", ("slow-consumer", "speak"))
def live_captions(shop: Shop) -> None:
    """Between two pieces of each stream the application works."""
    for _ in range(shop.size(40, 80)):
        out = shop.size(250, 500)
        with shop.request("GET /captions"):
            shop.turn(shop.line("speak"), stream=True, out=out, firsttoken__consumer__duration=out / 80 * 0.6)
        shop.wait(30)


@application("hard", ("slow-consumer", "render"))
def page_painter(shop: Shop) -> None:
    """Two of three streams are held up, by a little more than a third of their time."""
    for number in range(shop.size(60, 100)):
        out = shop.size(250, 500)
        share = 0.42 if number % 3 else 0.05
        with shop.request("GET /render"):
            shop.turn(shop.line("render"), stream=True, out=out, firsttoken__consumer__duration=out / 80 * share)
        shop.wait(30)


@application("plain", ("speed-up-tool-loop", "step"))
def ops_agent(shop: Shop) -> None:
    """An answer asks for several tools; they run one after the other."""
    for _ in range(shop.size(12, 20)):
        with shop.request("POST /task"):
            before: list[str] = []
            for turn in range(4):
                tools = 0 if turn == 3 else 1 if turn == 0 else shop.size(2, 4)
                span = shop.turn(
                    shop.line("step"),
                    model="claude-sonnet-5-5",
                    tools=5,
                    stream=True,
                    out=shop.size(60, 120),
                    depends_on=[f"{one}:1" for one in before],
                    blocks=("text:1", f"tool_use:{tools}") if tools else ("text:1",),
                    gen_ai__response__finish_reasons=["tool_use" if tools else "end_turn"],
                )
                before = [span]
                for _ in range(tools):
                    shop.idle(shop.luck.uniform(0.8, 1.6))
        shop.wait(60)


@application("hard", ("speed-up-tool-loop", "investigate"))
def log_detective(shop: Shop) -> None:
    """Most answers ask for one tool; now and then two or three, and then it takes two or three times as long."""
    for _ in range(shop.size(25, 40)):
        with shop.request("POST /investigate"):
            before: list[str] = []
            for turn in range(5):
                tools = 0 if turn == 4 else 1 if shop.luck.random() < 0.6 else shop.size(2, 3)
                span = shop.turn(
                    shop.line("investigate"),
                    model="claude-opus-5-5",
                    tools=9,
                    stream=True,
                    out=shop.size(40, 90),
                    depends_on=[f"{one}:1" for one in before],
                    blocks=(f"tool_use:{tools}",) if tools else ("text:1",),
                    gen_ai__response__finish_reasons=["tool_use" if tools else "end_turn"],
                )
                before = [span]
                for _ in range(tools):
                    shop.idle(shop.luck.uniform(1.5, 2.5))
        shop.wait(90)


@application("plain", ("use-fast-mode", "fill_form"))
def form_filler(shop: Shop) -> None:
    """Somebody waits for a long JSON document, which can be shown only when it is whole."""
    for _ in range(shop.size(40, 70)):
        with shop.request("POST /form"):
            shop.turn(
                shop.line("fill_form"),
                model="claude-opus-5-5",
                stream=True,
                out=shop.size(800, 1500),
                max_tokens=4096,
                gen_ai__output__type="json",
            )
        shop.wait(60)


@application("hard", ("use-fast-mode", "plan_trip"))
def trip_desk(shop: Shop) -> None:
    """The long answer is the argument of a tool: nothing of it can be read before its end."""
    for _ in range(shop.size(50, 80)):
        with shop.request("POST /trip"):
            shop.turn(
                shop.line("plan_trip"),
                model="claude-opus-5-5",
                tools=1,
                out=shop.size(700, 1300),
                max_tokens=4096,
                blocks=("tool_use:1",),
                gen_ai__response__finish_reasons=["tool_use"],
            )
        with shop.request("POST /trip"):
            shop.turn(shop.line("chat", line=70), model="claude-opus-5-5", stream=True, out=shop.size(100, 300))
        shop.wait(60)


@application("plain", ("rate-limit-headroom", "score"))
def crowd_scores(shop: Shop) -> None:
    """At its peaks it leaves a tenth of the limit on requests."""
    for number in range(shop.size(80, 140)):
        left = shop.size(5, 15) if number % 6 == 0 else shop.size(40, 95)
        with shop.request("POST /score"):
            shop.turn(
                shop.line("score"),
                firsttoken__ratelimit__requests__limit=100,
                firsttoken__ratelimit__requests__remaining=left,
            )
        shop.wait(20)


@application("hard", ("rate-limit-headroom", "draft"))
def quiet_drafts(shop: Shop) -> None:
    """Requests are far from their limit, input tokens too; a few calls leave little of the output tokens."""
    for number in range(shop.size(150, 250)):
        with shop.request("POST /draft"):
            shop.turn(
                shop.line("draft"),
                system("drafts", 300),
                stream=True,
                out=shop.size(100, 250),
                firsttoken__ratelimit__requests__limit=1000,
                firsttoken__ratelimit__requests__remaining=shop.size(700, 990),
                firsttoken__ratelimit__input_tokens__limit=400_000,
                firsttoken__ratelimit__input_tokens__remaining=shop.size(300, 399) * 1000,
                firsttoken__ratelimit__output_tokens__limit=80_000,
                firsttoken__ratelimit__output_tokens__remaining=(shop.size(6, 14) if number % 30 == 0 else 60) * 1000,
            )
        shop.wait(20)
