"""The storages that tests name: a file, a database by its URL, or a server as grpc://HOST:PORT."""
import warnings

import optuna


def storage_of(name):
    if name.startswith("grpc://"):
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        host, port = name.removeprefix("grpc://").split(":")
        return optuna.storages.GrpcStorageProxy(host=host, port=int(port))
    return name if "://" in name else "sqlite:///" + name
