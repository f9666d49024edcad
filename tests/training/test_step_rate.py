from functools import partial

from osnet_tf.training import step_rate


def test_the_ways_take_turns_over_the_same_steps(monkeypatch):
    monkeypatch.setattr(step_rate, "OSNet", partial(step_rate.OSNet, streams=1))
    rows = step_rate.measure_step_rate(size=(32, 16), batch_size=2, steps=2, repeats=2)
    assert [row.name for row in rows] == ["results read every 10 steps", "results read every step"]
    for row in rows:
        slowest, fastest = row.span
        assert 0 < slowest <= row.images_per_second <= fastest
