"""Optuna's own proxy server on a study file: proxy.py FILE PORT, for comparison."""
import sys

from optuna.storages import get_storage, run_grpc_proxy_server

run_grpc_proxy_server(get_storage("sqlite:///" + sys.argv[1]), host="127.0.0.1", port=int(sys.argv[2]))
