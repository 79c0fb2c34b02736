import typer
from enum import Enum
class Opt(str, Enum):
    adam="adam"; sgd="sgd"
def main(lr: float = typer.Option(0.01, help="Learning rate"), batch_size: int = 32, opt: Opt = Opt.adam, amp: bool=False): pass
typer.run(main)
