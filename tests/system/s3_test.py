#!/usr/bin/python3
# test: minio timeout=300
"""The client of S3 against a real MinIO, which checks each signature: by path and by host name, in another region, over TLS, and with
keys that are temporary and need a session token."""
import os
import pathlib
import subprocess

from servers import Minio

PROBE = pathlib.Path(os.environ.get('SKYTREND', 'build/skytrend')).parent / 'tests' / 'system' / 's3_probe'


def probe(bucket, **settings):
    subprocess.run([PROBE, bucket], env={**os.environ, **settings}, check=True)


def main():
    plain = Minio(domain='localhost')
    # curl takes every name below localhost for the loopback address, so this needs no DNS.
    by_host = {'SKYTREND_S3_ENDPOINT': f'http://localhost:{plain.port}', 'SKYTREND_S3_PATH_STYLE': 'false'}
    probe('by-path', **plain.settings)
    probe('by-host', **plain.settings | by_host)
    probe('temporary', **plain.settings | plain.temporary_keys())

    secure = Minio(tls=True, region='eu-central-1')
    probe('secure', **secure.settings, SKYTREND_S3_CA_FILE=str(secure.ca), SKYTREND_S3_REGION=secure.region)


main()
