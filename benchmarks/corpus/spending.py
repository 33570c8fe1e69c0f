"""Applications that pay for more than they need: models, thinking, output, calls."""

from __future__ import annotations

from benchmarks.corpus.application import Part, Shop, application, said, system

from tests.advisor.traffic import Attempt


@application("plain", ("use-smaller-model", "label"))
def ticket_labels(shop: Shop) -> None:
    """A large model gives labels of a few tokens."""
    for _ in range(shop.size(60, 120)):
        with shop.request("POST /ticket"):
            shop.turn(
                shop.line("label"), model="claude-opus-5", asks=shop.size(200, 450), out=shop.size(4, 25), max_tokens=64
            )
        shop.wait(30)


@application("hard", ("use-smaller-model", "route"))
def mail_router(shop: Shop) -> None:
    """Prompts and answers of very different length, all small; beside it a site that needs the large model."""
    for _ in range(shop.size(80, 140)):
        with shop.request("POST /mail"):
            shop.turn(
                shop.line("route"),
                model="claude-sonnet-5-5",
                asks=round(min(shop.luck.lognormvariate(6, 0.8), 6000)),
                out=round(min(shop.luck.lognormvariate(3.3, 0.7), 280)),
                max_tokens=512,
            )
        with shop.request("POST /mail/answer"):
            shop.turn(
                shop.line("answer_mail", line=60),
                model="claude-sonnet-5-5",
                asks=shop.size(800, 4000),
                stream=True,
                out=shop.size(250, 390),
                tools=3,
            )
        shop.wait(30)


@application("plain", ("lower-effort", "judge"))
def riddle_judge(shop: Shop) -> None:
    """Hundreds of tokens of thought before a sentence."""
    for _ in range(shop.size(40, 80)):
        thought = shop.size(450, 900)
        with shop.request("POST /riddle"):
            shop.turn(
                shop.line("judge"),
                model="claude-opus-5",
                stream=True,
                out=thought + shop.size(30, 80),
                thinking_tokens=thought,
                blocks=("thinking:1", "text:1"),
                gen_ai__request__reasoning__level="high",
                max_tokens=8192,
            )
        shop.wait(40)


@application("hard", ("lower-effort", "grade"))
def essay_grader(shop: Shop) -> None:
    """Nobody set the effort, so it is the model's; some essays take no thought at all."""
    for number in range(shop.size(60, 100)):
        thought = 0 if number % 7 == 0 else shop.size(300, 700)
        with shop.request("POST /essay"):
            shop.turn(
                shop.line("grade"),
                model="claude-sonnet-5",
                asks=shop.size(500, 900),
                stream=True,
                out=thought + shop.size(80, 200),
                thinking_tokens=thought,
                blocks=("thinking:1", "text:1") if thought else ("text:1",),
                max_tokens=8192,
            )
        shop.wait(40)


@application("plain", ("trim-output", "draft"))
def market_reports(shop: Shop) -> None:
    """Of each long draft the next call uses a sentence or two."""
    for _ in range(shop.size(30, 60)):
        with shop.request("nightly", kind="CONSUMER"):
            span = shop.turn(shop.line("draft", "jobs/reports.py"), out=shop.size(700, 1200), max_tokens=4096)
            shop.turn(
                shop.line("headline", "jobs/reports.py", 40),
                asks=shop.size(800, 1300),
                out=shop.size(20, 50),
                depends_on=[f"{span}:{shop.luck.uniform(0.05, 0.15):.2f}"],
            )
        shop.wait(600)


@application("hard", ("trim-output", "answer_long"))
def twin_desks(shop: Shop) -> None:
    """Two lines ask with the same system prompt; one says how long the answer may be."""
    for _ in range(shop.size(50, 80)):
        with shop.request("POST /desk"):
            shop.turn(
                shop.line("answer_long"), system("desk", 300), stream=True, out=shop.size(500, 900), max_tokens=4096
            )
        with shop.request("POST /desk/short"):
            shop.turn(
                shop.line("answer_short", line=50),
                system("desk", 300),
                stream=True,
                out=shop.size(90, 220),
                max_tokens=1024,
            )
        shop.wait(60)


@application("plain", ("fix-truncation", "minutes"))
def meeting_minutes(shop: Shop) -> None:
    """One answer in six ends in the middle of a sentence."""
    for _ in range(shop.size(50, 90)):
        cut = shop.luck.random() < 0.17
        with shop.request("POST /minutes"):
            shop.turn(
                shop.line("minutes"),
                stream=True,
                max_tokens=400,
                out=400 if cut else shop.size(180, 390),
                gen_ai__response__finish_reasons=["max_tokens" if cut else "end_turn"],
            )
        shop.wait(60)


@application("hard", ("fix-truncation", "extract"))
def invoice_reader(shop: Shop) -> None:
    """Now and then the arguments of a tool call are cut off: broken JSON, and nothing but that says so."""
    for number in range(shop.size(150, 220)):
        cut = number % 25 == 3
        with shop.request("POST /invoice"):
            shop.turn(
                shop.line("extract"),
                asks=shop.size(300, 900),
                max_tokens=300,
                tools=1,
                out=300 if cut else shop.size(90, 260),
                blocks=("tool_use:1",),
                gen_ai__response__finish_reasons=["max_tokens" if cut else "tool_use"],
            )
        shop.wait(60)


@application("plain", ("deduplicate-requests", "faq"))
def help_page(shop: Shop) -> None:
    """A third of the questions were asked before, word for word."""
    asked: list[int] = []
    for number in range(shop.size(90, 150)):
        again = bool(asked) and shop.luck.random() < 0.33
        question = shop.luck.choice(asked) if again else number
        asked.append(question)
        with shop.request("GET /faq"):
            shop.turn(
                shop.line("faq"), said(f"question {question}", 60), asks=0, stream=True, out=shop.size(80, 200),
                request=f"question {question}",
            )  # fmt: skip
        shop.wait(40)


@application("hard", ("deduplicate-requests", "describe"))
def product_texts(shop: Shop) -> None:
    """One call in ten repeats another, hours later, from another page."""
    asked: list[int] = []
    for number in range(shop.size(200, 300)):
        again = number > 40 and shop.luck.random() < 0.12
        product = shop.luck.choice(asked[:-20]) if again else number
        asked.append(product)
        with shop.request("GET /product" if number % 2 else "GET /basket"):
            shop.turn(
                shop.line("describe"), said(f"product {product}", 90), asks=0, stream=True, out=shop.size(80, 200),
                request=f"product {product}",
            )  # fmt: skip
        shop.wait(240)


@application("plain", ("use-batches", "label_all"))
def night_labels(shop: Shop) -> None:
    """A queue's worker labels hundreds of documents an hour."""
    for _ in range(shop.size(220, 320)):
        with shop.request("queue documents", kind="CONSUMER"):
            shop.turn(shop.line("label_all", "jobs/labels.py"), asks=shop.size(300, 800), out=shop.size(40, 120))
        shop.wait(6)


@application(
    "hard",
    ("use-batches", "enrich"),
    settings='[sites]\njobs = ["/srv/catalogue-import/jobs/*"]\n',
    alone=True,
)
def catalogue_import(shop: Shop) -> None:
    """Only `firsttoken.toml` says that it is a job; its busy hour is one of many quiet ones."""
    for hour in range(6):
        for _ in range(shop.size(160, 200) if hour == 3 else shop.size(5, 15)):
            shop.turn(shop.line("enrich", "jobs/enrich.py"), asks=shop.size(300, 800), out=shop.size(60, 200))
            shop.wait(9)
        shop.now = 3600.0 * (hour + 1)


@application("plain", ("replace-retired-model", "greet"))
def old_friend(shop: Shop) -> None:
    """Its model is gone: every call fails."""
    for _ in range(shop.size(30, 50)):
        shop.turn(
            shop.line("greet"),
            model="claude-3-opus-20240229",
            error="not_found_error",
            status=404,
            out=0,
            duration=0.2,
        )
        shop.wait(60)


@application("hard", ("replace-retired-model", "greet_again"))
def older_friend(shop: Shop) -> None:
    """One of its two sites asks for a model by its dated name, and that one is gone; a fallback answers instead."""
    for number in range(shop.size(60, 90)):
        with shop.request("GET /hello"):
            if number % 2:
                failed = [Attempt("not_found_error", 404, 0.1)]
                shop.turn(
                    shop.line("greet_again"), model="claude-3-5-sonnet-20241022", error="not_found_error", status=404,
                    out=0, failed=failed,
                )  # fmt: skip
            shop.turn(shop.line("greet_well", line=30), stream=True, out=shop.size(60, 120))
        shop.wait(60)


@application("plain", ("compact-context", "research"), may=[("enable-prompt-caching", "research")])
def research_agent(shop: Shop) -> None:
    """Conversations grow to far over a hundred thousand tokens, and each turn pays for all of them."""
    for talk in range(shop.size(3, 4)):
        texts: list[Part] = []
        for turn in range(shop.size(16, 22)):
            texts.append(said(f"talk {talk} turn {turn}", shop.size(7_000, 11_000)))
            with shop.request("POST /research"):
                shop.turn(
                    shop.line("research"), *texts, asks=0, model="claude-sonnet-5-5", stream=True, tools=4,
                    out=shop.size(150, 300),
                )  # fmt: skip
            shop.wait(20)
        shop.wait(900)


@application("hard", ("compact-context", "code"))
def pair_programmer(shop: Shop) -> None:
    """Its marker moves with the conversation, so most of it is read from the cache; it is long all the same."""
    for talk in range(3):
        texts: list[Part] = []
        for turn in range(shop.size(26, 32)):
            texts.append(said(f"talk {talk} turn {turn}", shop.size(8_000, 11_000)))
            with shop.request("POST /code"):
                marked = [*texts[:-1], (*texts[-1][:3], "5m")]
                shop.turn(
                    shop.line("code"), *marked, asks=0, model="claude-opus-5", stream=True, tools=9,
                    out=shop.size(100, 250),
                )  # fmt: skip
            shop.wait(20)
        shop.wait(600)
