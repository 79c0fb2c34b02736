from lightning.pytorch.cli import LightningCLI
import lightning as L
class M(L.LightningModule):
    def __init__(self, learning_rate: float = 0.02, hidden: int = 64, optimizer_name: str = "adam"):
        super().__init__()
if __name__ == "__main__":
    LightningCLI(M)
