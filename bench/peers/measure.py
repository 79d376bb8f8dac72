"""Measures one work in PyTorch in this process and prints one JSON line: seconds to construct it, of a forward pass in train mode, of a
training step, of inference by the exported network, and the peak resident memory of construction and training in MiB. The counterpart of
measure.ts.

    python measure.py WORK --threads 2 [--phases train-forward,train-step,inference] [--seconds 3]
"""

import argparse
import importlib
import json
import os
import statistics
import sys
import time


def peak_memory():
    """The most memory this process has had resident, in MiB."""
    try:
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))
    except OSError:
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def measure(run, seconds):
    """Median seconds of a call, by the clock and of all processors: two calls that do not count (one where it takes all the time), then
    one or more while there is time, at most fifty."""
    start = time.perf_counter()
    run()
    if time.perf_counter() - start < seconds:
        run()
    times, processor = [], []
    start = time.perf_counter()
    while len(times) < 1 or (len(times) < 50 and time.perf_counter() - start < seconds):
        begin, used = time.perf_counter(), time.process_time()
        run()
        times.append(time.perf_counter() - begin)
        processor.append(time.process_time() - used)
    return {"clock": statistics.median(times), "processor": statistics.median(processor)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("work")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--phases", default="train-forward,train-step,inference")
    parser.add_argument("--seconds", type=float, default=3.0)
    options = parser.parse_args()
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = str(options.threads)

    import torch

    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    import torch_networks as networks

    equivariant, build, shape, classes, adam = networks.WORKS[options.work]
    versions = {"torch": torch.__version__}
    if equivariant:
        escnn = importlib.import_module("escnn")
        importlib.import_module("escnn.nn")
        versions["escnn"] = getattr(escnn, "__version__", "")
    if options.work == "point":
        versions["torch_geometric"] = importlib.import_module("torch_geometric").__version__
    begin, used = time.perf_counter(), time.process_time()
    network = build()
    result = {"construct": {"clock": time.perf_counter() - begin, "processor": time.process_time() - used}}
    result["parameters"] = sum(p.numel() for p in network.parameters() if p.requires_grad)
    phases = options.phases.split(",")
    x = torch.randn(*shape)
    labels = torch.randint(0, 10, (shape[0],))

    def step():
        optimizer.zero_grad()
        output = network(x)
        loss = torch.nn.functional.cross_entropy(output, labels) if classes else output.square().mean()
        loss.backward()
        optimizer.step()
        return loss.item()

    if "train-step" in phases:
        optimizer = torch.optim.Adam(network.parameters(), **adam)
        result["train-step"] = measure(step, options.seconds)
    if "train-forward" in phases:
        result["train-forward"] = measure(lambda: network(x), options.seconds)
    result["peak"] = peak_memory()
    if "inference" in phases:
        network.eval()
        layers = network.export() if hasattr(network, "export") else network
        layers.eval()
        with torch.inference_mode():
            result["inference"] = measure(lambda: layers(x), options.seconds)
    print(json.dumps({**result, "versions": versions}))


main()
