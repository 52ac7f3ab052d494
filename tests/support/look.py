"""What a machine can see in a page: overflow, clipped text, a foreign language, what keeps people with disabilities out."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

from playwright.sync_api import Page

AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"

NEVER = re.compile(r"(?!)")
# Words that stay Latin in Chinese pages: names of things, units, file types, the switch to the other language.
LATIN = re.compile(
    r"(?:[2-9A-HJ-NP-Z]{4}-){2,3}[2-9A-HJ-NP-Z]{4}|(?:[2-7A-Z]{4} ){7}[2-7A-Z]{4}|Mozilla/.*|English|Enter|Chrome|Edge|Firefox|Safari|HTTPS?|https?://\S*|XLSX|CSV|TXT|MP4|kb/s|Mb/s|Mbps|H\.264|AAC|Opus|UDP|MSE|WebSocket|Chromium \d+|/socket\.io|SHA-?256|WebRTC|HLS|OBS|WHIP|Outlook|WPS|Ctrl|E-\d+|UUID|Webhook|SEC"
)

_OVERFLOW = """() => {
    const root = document.documentElement, found = [];
    if (root.scrollWidth > root.clientWidth + 1) found.push(`page is ${root.scrollWidth} wide in ${root.clientWidth}`);
    for (const element of document.body.querySelectorAll('*')) {
        const style = getComputedStyle(element);
        const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
        if (!own || style.visibility === 'hidden' || !element.offsetParent || style.textOverflow === 'ellipsis') continue;
        if (style.clip !== 'auto' || style.clipPath !== 'none') continue;
        const hidden = style.overflowX === 'hidden' || style.overflowY === 'hidden';
        const cut = element.scrollWidth > element.clientWidth + 1 || element.scrollHeight > element.clientHeight + 0.4 * parseFloat(style.fontSize);
        if (hidden && cut) found.push(`clipped: ${element.tagName} ${element.textContent.trim().slice(0, 40)}`);
    }
    return found;
}"""

_TEXT = """() => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), found = [];
    while (walker.nextNode()) {
        const parent = walker.currentNode.parentElement, text = walker.currentNode.data.trim();
        if (parent.closest('[lang]')?.lang === 'zh-CN' && document.documentElement.lang !== 'zh-CN') continue;
        if (text && parent.checkVisibility({ visibilityProperty: true }) && !['SCRIPT', 'STYLE'].includes(parent.tagName)) {
            found.push(text);
        }
    }
    for (const element of document.body.querySelectorAll('[title],[aria-label],[placeholder]')) {
        for (const name of ['title', 'aria-label', 'placeholder']) {
            if (element.getAttribute(name)) found.push(element.getAttribute(name));
        }
    }
    return found;
}"""


@lru_cache(maxsize=1)
def _axe() -> str:
    return AXE.read_text("utf-8")


def overflow(page: Page) -> list[str]:
    """Return what is wider than the page, and texts that are cut off without saying so."""
    return list(page.evaluate(_OVERFLOW))


def foreign_words(page: Page, language: str, allowed: re.Pattern[str] = NEVER) -> list[str]:
    """Return texts in the wrong language: three Latin letters in a row in Chinese but what is `allowed`, Chinese in English.

    Names from the database (lectures, schools, people) are Chinese in both languages, so in English only words that
    pages use count, and no text that is marked as Chinese, as the sentence of the rules is.
    """
    texts = [str(text) for text in page.evaluate(_TEXT)]
    if language == "zh-CN":
        return [text for text in texts if re.search(r"[A-Za-z]{3,}", LATIN.sub("", allowed.sub("", text)))]
    return [text for text in texts if re.search(r"请|点击|直播|正在|没有|导出|重试", text)]


def barriers(page: Page) -> list[str]:
    """Return what axe-core finds serious or critical (WCAG 2 A and AA)."""
    page.evaluate(_axe())
    result = page.evaluate(
        "() => axe.run(document, { resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa'] })"
    )
    return [
        f"{violation['id']} ({violation['impact']}): {violation['nodes'][0]['html'][:160]}"
        f" {violation['nodes'][0]['any'][0]['message'] if violation['nodes'][0]['any'] else ''}"
        for violation in result["violations"]
        if violation["impact"] in ("serious", "critical")
    ]
