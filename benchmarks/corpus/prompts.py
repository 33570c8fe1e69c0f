"""Applications whose prompts could be cached, or are cached badly."""

from __future__ import annotations

from benchmarks.corpus.application import Part, Shop, application, said, system, tool


@application("plain", ("enable-prompt-caching", "ask"))
def contract_qa(shop: Shop) -> None:
    """A long contract is sent with every question, and not marked."""
    contract = system("contract", shop.size(4_000, 9_000))
    for _ in range(shop.size(50, 100)):
        with shop.request("POST /ask"):
            shop.turn(
                shop.line("ask"), contract, model="claude-sonnet-5-5", stream=True, out=shop.size(150, 400), tools=1
            )
        shop.wait(40)


@application("hard", ("enable-prompt-caching", "talk"))
def tutor(shop: Shop) -> None:
    """Only tools and the first block of the system prompt are the same; then comes the pupil, and the talk grows."""
    for pupil in range(shop.size(10, 16)):
        texts: list[Part] = []
        for turn in range(shop.size(4, 7)):
            texts.append(said(f"{pupil} {turn}", shop.size(300, 700)))
            with shop.request("POST /talk"):
                shop.turn(
                    shop.line("talk"),
                    tool("board", 1_500),
                    system("teaching", 2_500),
                    system(f"pupil {pupil}", 120),
                    *texts,
                    asks=0,
                    model="claude-sonnet-5-5",
                    tools=1,
                    stream=True,
                    out=shop.size(150, 350),
                )
            shop.wait(30)
        shop.wait(60)


@application("plain", ("repair-prompt-cache", "lookup"))
def wiki_bot(shop: Shop) -> None:
    """The time of day stands before the marked text."""
    for _ in range(shop.size(50, 90)):
        with shop.request("POST /lookup"):
            shop.turn(
                shop.line("lookup"),
                system(shop.new(), 20),
                system("wiki", shop.size(5_000, 5_000), "5m"),
                model="claude-sonnet-5-5",
                tools=1,
                stream=True,
                out=shop.size(150, 350),
            )
        shop.wait(30)


@application("hard", ("repair-prompt-cache", "serve"))
def tool_shuffler(shop: Shop) -> None:
    """The same tools come in another order now and then."""
    tools = [tool(f"tool {number}", 500) for number in range(6)]
    for _ in range(shop.size(70, 120)):
        listed = list(tools)
        if shop.luck.random() < 0.5:
            shop.luck.shuffle(listed)
        with shop.request("POST /serve"):
            shop.turn(
                shop.line("serve"),
                *listed,
                system("rules", 2_500, "5m"),
                model="claude-sonnet-5-5",
                tools=6,
                stream=True,
                out=shop.size(150, 350),
            )
        shop.wait(20)


@application("hard", ("repair-prompt-cache", "recall"))
def forgetful_chat(shop: Shop) -> None:
    """A chat that drops its oldest turn from the middle: what was written is not read again."""
    for talk in range(shop.size(6, 9)):
        texts: list[Part] = []
        for turn in range(14):
            texts.append(said(f"{talk} {turn}", shop.size(700, 1_100)))
            if len(texts) > 6:
                del texts[1]
            with shop.request("POST /recall"):
                marked = [*texts[:-1], (*texts[-1][:3], "5m")]
                shop.turn(
                    shop.line("recall"), system("persona", 1_500), *marked, asks=0, model="claude-sonnet-5-5",
                    tools=1, stream=True, out=shop.size(100, 250),
                )  # fmt: skip
            shop.wait(20)
        shop.wait(60)


@application("hard", ("repair-prompt-cache", "quote"))
def marked_question(shop: Shop) -> None:
    """The marker stands on the question, which nobody asks twice."""
    for _ in range(shop.size(50, 90)):
        with shop.request("POST /quote"):
            shop.turn(
                shop.line("quote"), said(shop.new(), shop.size(2_500, 4_000), "5m"), asks=0, model="claude-sonnet-5-5",
                tools=1, stream=True, out=shop.size(150, 300),
            )  # fmt: skip
        shop.wait(30)


@application("plain", ("extend-cache-ttl", "help"))
def evening_helper(shop: Shop) -> None:
    """Calls come every ten to twenty minutes, and the entry lives five."""
    for _ in range(shop.size(40, 80)):
        with shop.request("POST /help"):
            shop.turn(
                shop.line("help"), system("handbook", 7_000, "5m"), model="claude-sonnet-5-5", tools=1, stream=True,
                out=shop.size(150, 350),
            )  # fmt: skip
        shop.idle(shop.luck.uniform(500, 1_300))


@application("hard", ("extend-cache-ttl", "advise"))
def slow_talks(shop: Shop) -> None:
    """Quick turns within a talk, long pauses between talks: only the head of the prompt is worth an hour."""
    for talk in range(shop.size(18, 28)):
        texts: list[Part] = []
        for turn in range(3):
            texts.append(said(f"{talk} {turn}", shop.size(200, 500)))
            with shop.request("POST /advise"):
                marked = [*texts[:-1], (*texts[-1][:3], "5m")]
                shop.turn(
                    shop.line("advise"), system("handbook", 6_500, "5m"), *marked, asks=0, model="claude-opus-5",
                    tools=2, stream=True, out=shop.size(100, 250),
                )  # fmt: skip
            shop.wait(15)
        shop.idle(shop.luck.uniform(450, 2_400))


@application("plain", ("cache-below-minimum", "chip"))
def small_talk(shop: Shop) -> None:
    """A marker on two hundred tokens."""
    for _ in range(shop.size(40, 70)):
        with shop.request("POST /chip"):
            shop.turn(shop.line("chip"), system("tone", 200, "5m"), stream=True, out=shop.size(60, 140))
        shop.wait(30)


@application("hard", ("cache-below-minimum", "check"))
def form_check(shop: Shop) -> None:
    """Tools and system together look long, and this model caches from 1,024 tokens on."""
    for _ in range(shop.size(40, 70)):
        with shop.request("POST /check"):
            shop.turn(
                shop.line("check"), tool("schema", 450), system("rules", 400, "5m"), model="claude-sonnet-5",
                tools=1, stream=True, out=shop.size(60, 140),
            )  # fmt: skip
        shop.wait(30)
