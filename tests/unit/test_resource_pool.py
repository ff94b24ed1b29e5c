"""Resources that threads take turns with: few are opened, one that failed is not used again."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from rapport.serving.resource_pool import ResourcePool


def test_many_threads_open_no_more_than_the_limit_and_each_has_its_own():
    opened, busy = [], set()

    def use(pool):
        with pool.borrow() as one:
            assert one not in busy
            busy.add(one)
            sum(range(1_000))
            busy.remove(one)

    pool = ResourcePool(lambda: opened.append(len(opened)) or len(opened), lambda _: None, limit=3)
    with ThreadPoolExecutor(16) as threads:
        for done in [threads.submit(use, pool) for _ in range(500)]:
            done.result()
    assert 1 <= len(opened) <= 3


def test_after_an_error_a_resource_is_closed_and_another_one_opened():
    opened, closed = iter(range(9)), []
    pool = ResourcePool(lambda: next(opened), closed.append, limit=1)
    with pytest.raises(ZeroDivisionError), pool.borrow():
        raise ZeroDivisionError
    assert closed == [0]
    with pool.borrow() as first:
        pass
    with pool.borrow() as again:
        assert (first, again) == (1, 1)
