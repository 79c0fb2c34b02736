"""Optuna's own tests of a storage, over the network: pytest suite.py, with BLUEFIN_PROXY=HOST:PORT.

Optuna 5 ships them in optuna.testing. Each test expects an empty storage, so the studies that the
one before it left are deleted.
"""
import os

import pytest
from optuna.storages import GrpcStorageProxy
from optuna.testing.pytest_storages import StorageTestCase


@pytest.fixture
def storage():
    host, port = os.environ["BLUEFIN_PROXY"].rsplit(":", 1)
    proxy = GrpcStorageProxy(host=host, port=int(port))
    for study in proxy.get_all_studies():
        proxy.delete_study(study._study_id)
    yield proxy
    proxy.close()


class TestServedStorage(StorageTestCase):
    pass
