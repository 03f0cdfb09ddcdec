"""What was measured, in words and tables, and the README's part that holds them."""

import datetime
import os
import re
import statistics
import textwrap

from .programs import Failure


class Part(str):
    """A part of the README, by its name in the marks around it."""

    @property
    def begin(self):
        return f"<!-- {self} -->"

    @property
    def end(self):
        return f"<!-- end of {self} -->"


FLOATS, INT8 = Part("speed"), Part("speed of int8")


def processor():
    """Its name and its widest registers, as far as the system tells."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            text = file.read()
    except OSError:
        return "unknown processor"
    name = re.search(r"^model name\s*:\s*(.*)$", text, re.MULTILINE)
    flags = set((re.search(r"^flags\s*:\s*(.*)$", text, re.MULTILINE) or ["", ""])[1].split())
    widest = [title for flag, title in (("avx512f", "AVX-512"), ("avx2", "AVX2"), ("sse4_2", "SSE4")) if flag in flags]
    bytes_ = ["VNNI"] if flags & {"avx512_vnni", "avx_vnni"} else []
    features = widest[:1] + bytes_
    return (name[1] if name else "unknown processor") + (f" ({', '.join(features)})" if features else "")


def table(rows):
    return "".join("| " + " | ".join(row) + " |\n" for row in rows)


def with_head(header, rows):
    return table([header, ["---"] * len(header), *rows])


def float_columns(programs):
    """What speed_table() shows: names of programs, and pairs of names for the ratio of the two."""
    limn, *peers = [program.name for program in programs]
    return [limn, *(column for peer in peers for column in (peer, (limn, peer)))]


def int8_columns(programs):
    """Each approximate program behind limn's floats, and limn int8 as a share of its own floats and of its peer."""
    limn, *others = [program.name for program in programs if not program.approximate]
    own, *peers = [program.name for program in programs if program.approximate]
    return [limn, *others, own, (own, limn), *(column for peer in peers for column in (peer, (own, peer)))]


def speed_table(cases, columns, threads, results):
    header = ["network, input", "threads"]
    header += [column if isinstance(column, str) else " / ".join(column) for column in columns]
    rows = []
    for case in cases:
        for count in threads:

            def median(name):
                return statistics.median(results.times[case, count, name])

            row = [str(case), str(count)]
            for column in columns:
                if isinstance(column, str):
                    row.append(f"{median(column):.1f} ms")
                else:
                    row.append(f"{median(column[0]) / median(column[1]):.2f}")
            rows.append(row)
    return with_head(header, rows)


def megabytes(count):
    return f"{count / 1e6:.1f} MB"


def int8_table(cases, programs, results):
    """What 8 bits cost and save: signal-to-noise ratio, files, memory of limn. The first program is limn, and the first
    approximate one is limn's."""
    limn = programs[0].name
    own, *peers = [program.name for program in programs if program.approximate]
    header = ["network, input", *(f"{name}, signal to noise" for name in (own, *peers))]
    header += [f"{name}, file" for name in (limn, own, *peers)]
    header += [f"{name}, weights + workspace" for name in (limn, own)]
    rows = []
    for case in cases:
        files = [case.model, case.int8.model, *([case.int8.onnx] if peers else [])]
        row = [str(case), *(f"{results.noise[case, name]:.1f} dB" for name in (own, *peers))]
        row += [megabytes(os.path.getsize(file)) for file in files]
        row += [" + ".join(map(megabytes, results.memory[case, name])) for name in (limn, own)]
        rows.append(row)
    return with_head(header, rows)


def first_answer_table(rows, threads):
    """rows: [(title, {threads: (seconds, bytes)})]"""
    header = ["`limn estimate` on one photo"]
    for count in threads:
        words = f"{count} thread{'s' if count > 1 else ''}"
        header += [f"{words}, from start to answer", "memory at most"]
    lines = []
    for title, measured in rows:
        line = [title]
        for count in threads:
            seconds, memory = measured[count]
            line += [f"{seconds:.2f} s", f"{memory / 1e6:.0f} MB"]
        lines.append(line)
    return with_head(header, lines)


def description(programs, results, rounds, runs, int8=False):
    exact = [program for program in programs if not program.approximate]
    versions = ", ".join(f"{program.name} {program.version}" for program in exact)
    text = (
        f"One photo, {'fp32 and int8' if int8 else 'fp32'}, the network alone, on {processor()}: medians of {rounds} "
        f"rounds of {runs} runs, the programs taking turns ({versions}; {datetime.date.today().isoformat()}). A ratio "
        f"below 1 means that limn{' int8' if int8 else ''} is faster. "
    )
    if results.differences:
        apart = max(results.differences.values())
        text += f"The {'fp32 ' if int8 else ''}outputs differ by at most {apart:.0e} of the largest value. "
    if results.others is not None:
        text += f"Other programs had {100 * results.others:.0f} % of the processors meanwhile. "
    text += f"`tools/benchmark.py {'--int8 ' if int8 else ''}--readme` wrote this."
    return textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False) + "\n"


def put_into_readme(readme, part, text):
    """The README with `text` between the marks. Throws Failure if they are not there."""
    pattern = re.compile(f"(?<={re.escape(part.begin)}\n).*?(?={re.escape(part.end)}\n)", re.DOTALL)
    if len(pattern.findall(readme)) != 1:
        raise Failure(f"README.md: expected one part between {part.begin} and {part.end}")
    return pattern.sub(lambda _: text, readme)


def spread(cases, programs, threads, results):
    for case in cases:
        for count in threads:
            for program in programs:
                times = results.times[case, count, program.name]
                yield (
                    f"{case.name}, threads {count}, {program.name}: median {statistics.median(times):.2f} ms, "
                    f"rounds from {min(times):.2f} to {max(times):.2f}"
                )
