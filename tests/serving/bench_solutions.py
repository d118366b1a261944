"""A right answer to each task that comes with `duograph bench`, and what it is easily confused with."""

RIGHT = {
    "is_prime": """
def is_prime(n):
    return n > 1 and all(n % d for d in range(2, int(n**0.5) + 1))
""",
    "factorial": """
import math

def factorial(n):
    return math.factorial(n)
""",
    "merge_intervals": """
def merge_intervals(intervals):
    merged = []
    for start, end in sorted(intervals):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged
""",
    "binary_search": """
import bisect

def binary_search(items, target):
    place = bisect.bisect_left(items, target)
    return place if place < len(items) and items[place] == target else -1
""",
    "is_palindrome": """
def is_palindrome(text):
    kept = [char for char in text.lower() if char.isalnum()]
    return kept == kept[::-1]
""",
    "levenshtein": """
def levenshtein(a, b):
    before = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            row.append(min(row[-1] + 1, before[j] + 1, before[j - 1] + (x != y)))
        before = row
    return before[-1]
""",
    "chunk": """
def chunk(items, size):
    return [list(items[at : at + size]) for at in range(0, len(items), size)]
""",
    "two_sum": """
def two_sum(numbers, target):
    places = {}
    for place, number in enumerate(numbers):
        if target - number in places:
            return places[target - number], place
        places[number] = place
    return None
""",
    "is_balanced": """
def is_balanced(text):
    pairs, waiting = {")": "(", "]": "[", "}": "{"}, []
    for char in text:
        if char in pairs.values():
            waiting.append(char)
        elif char in pairs and (not waiting or waiting.pop() != pairs[char]):
            return False
    return not waiting
""",
    "caesar_cipher": """
def caesar_cipher(text, shift):
    def move(char):
        if not (char.isascii() and char.isalpha()):
            return char
        first = ord("a" if char.islower() else "A")
        return chr(first + (ord(char) - first + shift) % 26)

    return "".join(map(move, text))
""",
    "transpose": """
def transpose(matrix):
    return [list(column) for column in zip(*matrix)]
""",
    "to_roman": """
def to_roman(number):
    parts = zip(
        (1000, 900, 500, 400, 100, 90, 50, 40, 10, 9, 5, 4, 1),
        ("M", "CM", "D", "CD", "C", "XC", "L", "XL", "X", "IX", "V", "IV", "I"),
    )
    text = ""
    for value, letters in parts:
        text += letters * (number // value)
        number %= value
    return text
""",
    "parse_duration": """
import re

def parse_duration(text):
    match = re.fullmatch(r"(?:([0-9]+)d)?(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?", text)
    if not text or match is None:
        raise ValueError(text)
    return sum(int(part or 0) * size for part, size in zip(match.groups(), (86400, 3600, 60, 1)))
""",
    "summarize_ranges": """
def summarize_ranges(numbers):
    runs = []
    for number in sorted(set(numbers)):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in runs)
""",
    "compare_versions": """
from itertools import zip_longest

def compare_versions(a, b):
    for x, y in zip_longest(map(int, a.split(".")), map(int, b.split(".")), fillvalue=0):
        if x != y:
            return -1 if x < y else 1
    return 0
""",
    "glob_match": """
def glob_match(pattern, text):
    reached = {0}
    for wanted in pattern:
        if wanted == "*":
            reached = set(range(min(reached), len(text) + 1)) if reached else reached
        else:
            reached = {at + 1 for at in reached if at < len(text) and wanted in ("?", text[at])}
    return len(text) in reached
""",
    "spiral": """
def spiral(matrix):
    rows, found = [list(row) for row in matrix], []
    while rows:
        found += rows.pop(0)
        rows = [list(row) for row in zip(*rows)][::-1]
    return found
""",
    "top_words": """
import re
from collections import Counter

def top_words(text, n):
    counts = Counter(re.findall("[a-z]+", text.lower()))
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:n]
""",
    "min_stack": """
class MinStack:
    def __init__(self):
        self.values = []

    def push(self, value):
        self.values.append((value, min(value, self.values[-1][1]) if self.values else value))

    def pop(self):
        return self.values.pop()[0]

    def top(self):
        return self.values[-1][0]

    def minimum(self):
        return self.values[-1][1]

    def __len__(self):
        return len(self.values)
""",
    "parse_csv_line": """
def parse_csv_line(line):
    fields, quoted, at = [""], False, 0
    while at < len(line):
        char = line[at]
        if quoted and line[at : at + 2] == '""':
            fields[-1] += '"'
            at += 1
        elif char == '"' and (quoted or not fields[-1]):
            quoted = not quoted
        elif char == "," and not quoted:
            fields.append("")
        else:
            fields[-1] += char
        at += 1
    if quoted:
        raise ValueError(line)
    return fields
""",
}

WRONG = {
    "is_prime": ("range(2, int(n**0.5) + 1)", "range(2, int(n**0.5))"),
    "factorial": ("return math.factorial(n)", "return math.factorial(abs(n))"),
    "merge_intervals": ("max(merged[-1][1], end)", "end"),
    "binary_search": ("place < len(items) and ", ""),
    "is_palindrome": ("isalnum", "isalpha"),
    "levenshtein": ("before = list(range(len(b) + 1))", "before = [0] * (len(b) + 1)"),
    "chunk": ("range(0, len(items), size)", "range(0, max(1, len(items)), size)"),
    "two_sum": (
        "        if target - number in places:",
        "        places[number] = place\n        if target - number in places:",
    ),
    "is_balanced": ("not waiting or ", ""),
    "caesar_cipher": ('"a" if char.islower() else "A"', '"a"'),
    "transpose": ("zip(*matrix)", "zip(*(matrix or [[0]]))"),
    "to_roman": ("text += letters", "text = letters + text"),
    "parse_duration": ("fullmatch", "match"),
    "summarize_ranges": ("sorted(set(numbers))", "sorted(numbers)"),
    "compare_versions": (
        'zip_longest(map(int, a.split(".")), map(int, b.split(".")), fillvalue=0)',
        'zip(a.split("."), b.split("."))',
    ),
    "glob_match": ("min(reached)", "0"),
    "spiral": ("[list(row) for row in zip(*rows)][::-1]", "[row[::-1] for row in rows][::-1]"),
    "top_words": ("(-pair[1], pair[0])", "-pair[1]"),
    "min_stack": ("min(value, self.values[-1][1]) if self.values else value", "value"),
    "parse_csv_line": ("if quoted:\n        raise ValueError(line)", ""),
}
"""One small slip for each, which the visible tests may let pass and the hidden ones must not."""
