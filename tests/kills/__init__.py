"""Long work killed for good at random moments: what it leaves is right, or is made right.

    python -m tests.kills --count=20 --seed=0 --what=training

What is killed has a file here with `kill(count, rng, folder)`, which yields a line about each kill
and raises AssertionError if the work does not end as if it had been left alone.
"""
