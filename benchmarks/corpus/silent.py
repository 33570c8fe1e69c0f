"""Applications of which nothing should be said: healthy ones, and those that only look faulty."""

from __future__ import annotations

from benchmarks.corpus.application import Part, Shop, application, said, system, tool

from tests.advisor.traffic import Attempt


@application("healthy")
def good_chat(shop: Shop) -> None:
    """Streamed, marked, one client, talks that come back in time."""
    for talk in range(shop.size(12, 20)):
        texts: list[Part] = []
        for turn in range(shop.size(3, 7)):
            texts.append(said(f"{talk} {turn}", shop.size(100, 400)))
            with shop.request("POST /chat"):
                marked = [*texts[:-1], (*texts[-1][:3], "5m")]
                shop.turn(
                    shop.line("chat"), tool("search", 800), system("persona", 3_000, "5m"), *marked, asks=0,
                    model="claude-sonnet-5-5", tools=1, stream=True, out=shop.size(100, 380),
                )  # fmt: skip
            shop.wait(25)


@application("healthy")
def good_agent(shop: Shop) -> None:
    """Each step needs the one before; tools of one answer run together; what they return is written once."""
    for task in range(shop.size(12, 18)):
        texts: list[Part] = []
        before: list[str] = []
        with shop.request("POST /task"):
            for step in range(6):
                texts.append(said(f"{task} {step}", shop.size(200, 900)))
                marked = [*texts[:-1], (*texts[-1][:3], "5m")]
                tools = 0 if step == 5 else shop.size(1, 3)
                span = shop.turn(
                    shop.line("step"), tool("all", 2_500), system("agent", 1_200, "5m"), *marked, asks=0,
                    model="claude-opus-5-5", tools=8, stream=True, out=shop.size(40, 160),
                    depends_on=[f"{one}:1" for one in before],
                    blocks=(f"tool_use:{tools}",) if tools else ("text:1",),
                    gen_ai__response__finish_reasons=["tool_use" if tools else "end_turn"],
                )  # fmt: skip
                before = [span]
                shop.idle(shop.luck.uniform(0.3, 0.6))
        shop.wait(60)


@application("healthy")
def good_labels(shop: Shop) -> None:
    """A small model for a small thing; three workers with a client each."""
    made, first = [0, 0, 0], shop.process
    for number in range(shop.size(90, 160)):
        worker = number % 3
        shop.process = first + worker
        made[worker] += 1
        with shop.request("POST /label"):
            shop.turn(
                shop.line("label"),
                asks=shop.size(150, 420),
                out=shop.size(5, 30),
                max_tokens=64,
                client=(f"worker-{worker}", made[worker]),
                construction=0.03,
                connection=0.04 if made[worker] == 1 else None,
            )
        shop.wait(50)


@application("healthy")
def good_batch_results(shop: Shop) -> None:
    """A job whose hundreds of calls an hour already go as a batch."""
    for _ in range(shop.size(180, 260)):
        with shop.request("nightly", kind="CONSUMER"):
            shop.turn(
                shop.line("night", "jobs/night.py"), asks=shop.size(300, 900), out=shop.size(100, 300),
                anthropic__response__service_tier="batch",
            )  # fmt: skip
        shop.wait(8)


@application("healthy")
def good_reports(shop: Shop) -> None:
    """Long reports by a queue's worker now and then, streamed because they are long; a retry here and there."""
    for number in range(shop.size(40, 70)):
        again = number % 33 == 5
        with shop.request("queue reports", kind="CONSUMER"):
            shop.turn(
                shop.line("report", "jobs/report.py"), asks=shop.size(2_000, 6_000), model="claude-opus-5", stream=True,
                out=shop.size(900, 1_900), max_tokens=8_192,
                failed=[Attempt("overloaded_error", 529, 0.3)] if again else (), slept=0.6 if again else 0.0,
            )  # fmt: skip
        shop.wait(200)


@application("trap")
def dependent_chain(shop: Shop) -> None:
    """Four calls of a request, each with the answer of the one before in its prompt."""
    for _ in range(shop.size(25, 40)):
        before: list[str] = []
        with shop.request("POST /refine"):
            for step in range(4):
                last = step == 3
                span = shop.turn(
                    shop.line("refine" if not last else "finish", line=10 + step), asks=shop.size(200, 400),
                    stream=last, out=shop.size(80, 140), depends_on=[f"{one}:0.9" for one in before],
                )  # fmt: skip
                before = [span]
        shop.wait(60)


@application("trap")
def first_answer_decides(shop: Shop) -> None:
    """A yes or no decides what is asked next; nothing of it is quoted."""
    for _ in range(shop.size(30, 50)):
        with shop.request("POST /moderate"):
            shop.turn(shop.line("is_harmless"), asks=200, out=2, max_tokens=4)
            name, line = ("answer", 30) if shop.luck.random() < 0.6 else ("decline", 50)
            shop.turn(shop.line(name, line=line), asks=200, stream=True, out=shop.size(100, 300))
        shop.wait(40)


@application("trap")
def burst(shop: Shop) -> None:
    """Once a day forty calls start within a second: no entry could be read before all have begun."""
    for _ in range(2):
        for _ in range(40):
            shop.turn(
                shop.line("fan_out", "jobs/daily.py"), system("guide", 3_000), out=shop.size(60, 140), stream=True,
                advance=False,
            )  # fmt: skip
            shop.idle(0.01)
        shop.idle(86_400)


@application("trap")
def rare_calls(shop: Shop) -> None:
    """A long prompt that is the same each time, every two or three hours."""
    for _ in range(shop.size(30, 45)):
        with shop.request("GET /weekly"):
            shop.turn(
                shop.line("weekly"), system("guide", 8_000), model="claude-sonnet-5-5", tools=1, stream=True,
                out=shop.size(150, 350),
            )  # fmt: skip
        shop.idle(shop.luck.uniform(7_000, 12_000))


@application("trap")
def early_difference(shop: Shop) -> None:
    """Long prompts that are nearly the same, but for the customer's name in the first line."""
    for _ in range(shop.size(50, 80)):
        with shop.request("POST /greet"):
            shop.turn(
                shop.line("greet"), system(shop.new(), 30), system("guide", 6_000), model="claude-sonnet-5-5",
                tools=1, stream=True, out=shop.size(150, 350),
            )  # fmt: skip
        shop.wait(20)


@application("trap")
def deadline(shop: Shop) -> None:
    """A suggestion that comes late is worth nothing: two seconds, no second attempt, on purpose."""
    for _ in range(shop.size(90, 140)):
        late = shop.luck.random() < 0.06
        with shop.request("GET /suggest"):
            shop.turn(
                shop.line("suggest"), out=0 if late else shop.size(30, 60), timeout=2.0, max_retries=0,
                failed=[Attempt("APITimeoutError", None, 2.0)] if late else (),
                error="APITimeoutError" if late else None,
            )  # fmt: skip
        shop.wait(20)


@application("trap", may=[("run-in-parallel", "vote")])
def five_votes(shop: Shop) -> None:
    """The same question five times at once, to vote: sampling on purpose."""
    for number in range(shop.size(25, 40)):
        with shop.request("POST /vote"):
            for vote in range(5):
                shop.turn(
                    shop.line("vote"), said(f"question {number}", 200), asks=0, out=shop.size(30, 60),
                    request=f"question {number}", advance=vote == 4,
                )  # fmt: skip
        shop.wait(60)


@application("trap", settings='[sites]\njobs = ["/srv/evaluation/eval/*"]\n', alone=True)
def evaluation(shop: Shop) -> None:
    """The same test set before each release, three times: every answer is wanted anew."""
    for release in range(3):
        for number in range(30):
            shop.turn(
                shop.line("grade_case", "eval/run.py"), said(f"case {number}", 300), asks=0, out=shop.size(60, 140),
                request=f"case {number}",
            )  # fmt: skip
        shop.idle(5 * 86_400 + release)


@application("trap")
def tool_only(shop: Shop) -> None:
    """Answers that are only the arguments of a tool: nobody could read them as they come."""
    for _ in range(shop.size(50, 80)):
        with shop.request("POST /extract"):
            shop.turn(
                shop.line("extract"), model="claude-sonnet-5-5", tools=1, out=shop.size(300, 480),
                max_tokens=2_048, blocks=("tool_use:1",), gen_ai__response__finish_reasons=["tool_use"],
            )  # fmt: skip
        shop.wait(40)


@application("trap")
def json_whole(shop: Shop) -> None:
    """JSON that is parsed when it is whole, from a small model."""
    for _ in range(shop.size(50, 80)):
        with shop.request("POST /rows"):
            shop.turn(
                shop.line("rows"), out=shop.size(200, 350), max_tokens=1_024, gen_ai__output__type="json",
            )  # fmt: skip
        shop.wait(40)


@application("trap")
def one_token(shop: Shop) -> None:
    """max_tokens=1: cut off on purpose, it is the answer."""
    for _ in range(shop.size(60, 120)):
        with shop.request("POST /flag"):
            shop.turn(
                shop.line("flag"), asks=shop.size(200, 450), out=1, max_tokens=1,
                gen_ai__response__finish_reasons=["max_tokens"],
            )  # fmt: skip
        shop.wait(40)


@application("trap", alone=True)
def sampled(shop: Shop) -> None:
    """One trace in ten was recorded: the pauses between calls are not those that the cache sees."""
    for _ in range(shop.size(40, 70)):
        with shop.request("POST /help"):
            shop.turn(
                shop.line("help"), system("handbook", 7_000, "5m"), model="claude-sonnet-5-5", tools=1, stream=True,
                out=shop.size(150, 350), sampling__probability=0.1,
            )  # fmt: skip
        shop.idle(shop.luck.uniform(500, 1_300))


@application("trap", alone=True)
def foreign(shop: Shop) -> None:
    """Spans of another instrumentation: no line, no client, no blocks, no timeouts."""
    for _ in range(shop.size(50, 90)):
        with shop.request("POST /chat"):
            shop.turn(
                None, system("persona", 3_000), model="claude-sonnet-5-5", stream=True, out=shop.size(100, 380),
                tools=2, scope="opentelemetry.instrumentation.anthropic", client=None, depends_on=None,
                without=FOREIGN_LACKS,
            )  # fmt: skip
        shop.wait(25)


#: What only our own spans carry.
FOREIGN_LACKS = (
    "firsttoken.request.timeout", "firsttoken.request.max_retries", "firsttoken.retry.wait", "firsttoken.prompt.blocks",
    "firsttoken.connection.new", "firsttoken.settings.hash", "firsttoken.request.hash", "firsttoken.time_to_headers",
    "firsttoken.response.blocks", "http.request.resend_count",
)  # fmt: skip


@application("trap", alone=True)
def few_calls(shop: Shop) -> None:
    """Faults in ten calls: worth a hint, no finding."""
    for _ in range(10):
        with shop.request("POST /chat"):
            shop.turn(shop.line("answer"), model="claude-sonnet-5-5", out=shop.size(350, 900))
        shop.wait(40)
