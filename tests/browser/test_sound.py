"""Sound in a browser that allows it only after a touch, as classrooms have them: never silently muted."""

from __future__ import annotations

import pytest

from tests.support.chromium import STUDIO_ARGUMENTS, chromium
from tests.support.classroom import Classroom, Studio
from tests.support.server import Server

pytestmark = [pytest.mark.browser, pytest.mark.quiet, pytest.mark.timeout(180)]


def test_the_big_button_unlocks_sound_and_a_blocked_screen_says_so(server: Server) -> None:
    demo = server.demo()
    assert demo is not None
    with chromium(*STUDIO_ARGUMENTS) as browser:
        entered = Classroom(browser, demo["classroom_urls"][0], watch=False)
        entered.page.get_by_test_id("enter").click()
        studio = Studio(browser, demo["studio_url"])
        studio.prepare()
        studio.start()
        entered.page.locator("html[data-state=live][data-sound=on]").wait_for(state="attached")
        assert entered.page.evaluate("() => !document.querySelector('video').muted")

        # Nothing is evaluated in this page before its first picture: that would count as a touch.
        late = Classroom(browser, demo["classroom_urls"][1], watch=False)
        late.page.wait_for_timeout(5_000)
        bar = late.page.get_by_test_id("sound-bar")
        bar.wait_for(state="visible")
        assert "点此打开声音" in bar.inner_text()
        late.page.locator("html[data-state=live][data-sound=blocked]").wait_for(state="attached")
        bar.click()
        late.page.locator("html[data-sound=on]").wait_for(state="attached")
        bar.wait_for(state="hidden")
        assert late.page.evaluate("() => !document.querySelector('video').muted")
