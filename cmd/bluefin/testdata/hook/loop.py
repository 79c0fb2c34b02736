# Reports a loss that no decimal print shows as it is, until the trial is pruned or a minute has passed.
import sys
import time

from bluefin_hook import report, should_stop

start, epoch = time.time(), 0
while time.time() - start < float(sys.argv[1]) and not should_stop():
    report(epoch, epoch / 3, accuracy=0.1 + 0.2)
    print(f"loss: {epoch / 3:.2f}")
    epoch += 1
    time.sleep(0.05)
print("ended after", epoch, "epochs", file=sys.stderr)
