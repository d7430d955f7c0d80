"""The host oracle itself: answers, refusals and deaths come back as what they are."""

from __future__ import annotations

import signal

import numpy as np
import oracle
import tflite

from lab.zoo import model_path

TINY = model_path("tiny_float").read_bytes()
HALF = (np.array([[0.5]], np.float32),)


def wild() -> bytes:
    """The tiny model with an operator that reads a tensor far outside the arena."""
    data = bytearray(TINY)
    subgraph = tflite.Model.GetRootAs(data, 0).Subgraphs(0)
    subgraph.Operators(0).InputsAsNumpy()[0] = 0x10000000
    return bytes(data)


def test_jobs_come_back_in_order_past_a_refusal_and_a_death() -> None:
    wrong_type = (np.array([[1]], np.int8),)
    jobs = [
        oracle.HostJob(TINY, (HALF, HALF)),
        oracle.HostJob(wild(), (HALF,)),
        oracle.HostJob(TINY, (wrong_type,)),
        oracle.HostJob(b"", ()),
        oracle.HostJob(TINY, (HALF,)),
    ]
    first, dead, refused, empty, last = oracle.run_host_many(jobs)
    assert first.ok
    assert len(first.outputs) == 2
    assert first.outputs[0][0] == first.outputs[1][0] == last.outputs[0][0]
    assert dead == oracle.HostRun(signal=signal.SIGSEGV)
    assert "Got value of type" in refused.error
    assert empty.error
    assert not refused.signal


def test_a_job_without_end_is_ended_by_the_alarm() -> None:
    frame = (np.zeros((1, 32, 128, 1), np.int8),)
    endless = oracle.HostJob(model_path("separation_w16").read_bytes(), (frame,) * 100_000)
    stopped, after = oracle.run_host_many([endless, oracle.HostJob(TINY, (HALF,))], seconds=1)
    assert stopped == oracle.HostRun(signal=signal.SIGALRM)
    assert after.ok
