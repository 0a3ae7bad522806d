#!/usr/bin/python3
# test: kafka timeout=180
"""The modules kafka_*.h against a real broker."""
import os
import pathlib
import subprocess
import sys

import servers

kafka = servers.Kafka()
probe = pathlib.Path(os.environ.get('SKYTREND', 'build/skytrend')).parent / 'tests' / 'system' / 'kafka_probe'
sys.exit(subprocess.run([probe], env={**os.environ, 'SKYTREND_KAFKA_BOOTSTRAP_SERVERS': kafka.brokers}, check=False).returncode)
