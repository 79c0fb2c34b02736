import click
@click.command()
@click.option("--lr", default=0.01, show_default=True, help="Learning rate.")
@click.option("--batch-size", "-b", type=int, default=32, show_default=True, help="Examples in a batch.")
@click.option("--opt", type=click.Choice(["adam","sgd"]), default="adam", show_default=True)
@click.option("--epochs", type=int, default=5, help="Without a shown default.")
def main(lr,batch_size,opt,epochs): pass
main()
