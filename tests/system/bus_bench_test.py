#!/usr/bin/python3
# test: kafka minio timeout=600
"""bench/bus.py still works: once on little, every figure is there. How fast anything is cannot be told beside other tests."""
import json
import os
import subprocess

bench = os.path.join(os.environ['SKY_SOURCE_DIR'], 'bench', 'bus.py')
run = subprocess.run([bench, '--quick', '--json'], stdout=subprocess.PIPE, check=True)
figures = [json.loads(line) for line in run.stdout.decode().splitlines()]
for figure in figures:
    print(figure)
    assert figure['value'] > 0, figure
names = [figure['name'] for figure in figures]
wanted = ['ingest: queue to Kafka', 'lake: Kafka to MinIO', 'frame to alert, median',
          *(f'memory: {service}' for service in ('ingest', 'run', 'lake', 'cache', 'alerts', 'serve'))]
assert set(wanted) <= set(names), names
assert all(figure['is_met'] for figure in figures if figure['name'].startswith('memory')), 'on so little'
