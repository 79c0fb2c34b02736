"""Writes keras/: the folders train and validation of Keras's TensorBoard callback, and a writer of TensorFlow.

tensorflow-cpu 2.21.0
"""
import json, pathlib, shutil
import keras, numpy, tensorflow

out = pathlib.Path(__file__).parent / "keras"
shutil.rmtree(out, ignore_errors=True)
keras.utils.set_random_seed(7)
model = keras.Sequential([keras.layers.Dense(1)])
model.compile("sgd", "mse", metrics=["mae"])
x = numpy.random.default_rng(7).normal(size=(16, 3))
history = model.fit(x, x.sum(1), epochs=3, verbose=0, validation_data=(x, x.sum(1)),
                    callbacks=[keras.callbacks.TensorBoard(out / "logs", write_graph=False)])
writer = tensorflow.summary.create_file_writer(str(out / "tf"))
with writer.as_default():
    tensorflow.summary.scalar("score", 0.1, 5)  # float32
    tensorflow.summary.scalar("wide", tensorflow.constant(0.1, tensorflow.float64), 6)
writer.close()
for path in out.rglob("*.profile-empty"):
    path.unlink()
f32 = lambda values: [[i, float(numpy.float32(v))] for i, v in enumerate(values)]
(out / "want.json").write_text(json.dumps({
    "validation/epoch_loss": f32(history.history["val_loss"]), "train/epoch_loss": f32(history.history["loss"]),
    "score": [[5, float(numpy.float32(0.1))]]}))
