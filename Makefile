# Each target sets up what it needs first (.ci/setup): any of them first, again and again.
.PHONY: demo test test-all lint bench fuzz models clean

demo:  # the lab's story on one board
	@.ci/setup run && exec .venv/bin/lab demo

test:  # without the slow tests; make test ARGS="-k cache" for some of them
	@.ci/setup test && exec .venv/bin/python -m pytest -n 2 -m "not slow" $(ARGS)

test-all:  # every test
	@.ci/setup test && exec .venv/bin/python -m pytest -n 2 $(ARGS)

lint:  # ruff and mypy
	@.ci/setup test && exec .ci/lint

bench:  # speed against plain Unicorn, into docs/performance.md
	@.ci/setup test && exec .venv/bin/python tests/bench/run.py

fuzz:  # coverage-guided, of all that reads untrusted files; FUZZ_SECONDS=600 of it; installs Atheris
	@.ci/setup test && .venv/bin/python -m pip install -q -c constraints.txt --no-build-isolation -e '.[fuzz]'
	@exec .venv/bin/python tests/fuzz/fuzz_readers.py

models:  # make the zoo's models again; installs TensorFlow
	@.ci/setup test && .venv/bin/python -m pip install -q -c constraints.txt --no-build-isolation -e '.[models]'
	@.venv/bin/python -m lab.zoo.make_models -o lab/zoo

clean:  # the virtual environment and what was built in the checkout; lab cache clear does the rest
	rm -rf .venv build *.egg-info lab/engines/_meter*.so .mypy_cache .ruff_cache .pytest_cache
