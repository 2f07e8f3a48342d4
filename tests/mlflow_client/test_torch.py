"""A fit of PyTorch Lightning that logs itself, and models of PyTorch that come back."""

import mlflow
import numpy as np
import pytest

torch = pytest.importorskip("torch")
lightning = pytest.importorskip("lightning")
MAJOR = int(mlflow.__version__.split(".")[0])


class Line(lightning.LightningModule):
    """Fit a line, as small as a module can be."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(2, 1)

    def forward(self, x):
        return self.layer(x)

    def _loss(self, batch):
        features, target = batch
        return torch.nn.functional.mse_loss(self(features), target)

    def training_step(self, batch):
        loss = self._loss(batch)
        self.log("train_loss", loss, on_epoch=True, on_step=False)
        return loss

    def validation_step(self, batch):
        self.log("val_loss", self._loss(batch))

    def test_step(self, batch):
        self.log("test_loss", self._loss(batch))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.05)


@pytest.fixture
def loader():
    torch.manual_seed(0)
    features = torch.randn(64, 2)
    target = features @ torch.tensor([[2.0], [-1.0]]) + 0.5
    return torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(features, target), batch_size=16
    )


@pytest.fixture
def trainer(tmp_path):
    return lightning.Trainer(
        max_epochs=4,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        log_every_n_steps=1,
        default_root_dir=tmp_path,
    )


@pytest.fixture
def _quiet():
    yield
    mlflow.pytorch.autolog(disable=True)


@pytest.mark.usefixtures("_quiet")
def test_lightning_logs_its_training(client, fluent_experiment, loader, trainer, unique):
    name = unique("line")
    mlflow.pytorch.autolog(registered_model_name=name)
    module = Line()
    with mlflow.start_run() as run:
        trainer.fit(module, loader, loader)
    told = client.get_run(run.info.run_id)
    assert told.data.params["epochs"] == "4"
    assert told.data.params["optimizer_name"] == "SGD"
    assert float(told.data.params["lr"]) == 0.05
    assert told.data.tags["Mode"] == "training"
    for metric in ("train_loss", "val_loss"):
        history = client.get_metric_history(run.info.run_id, metric)
        assert len(history) == 4
        assert history[-1].value < history[0].value
    paths = {file.path for file in client.list_artifacts(run.info.run_id)}
    assert "model_summary.txt" in paths
    features = loader.dataset.tensors[0]
    expected = module(features).detach().numpy()
    assert client.get_model_version(name, "1").run_id == run.info.run_id
    for uri in (f"runs:/{run.info.run_id}/model", f"models:/{name}/1"):
        loaded = mlflow.pyfunc.load_model(uri)
        assert np.allclose(loaded.predict(features.numpy()), expected)


@pytest.mark.usefixtures("_quiet")
def test_lightning_logs_its_checkpoints(client, fluent_experiment, loader, tmp_path):
    mlflow.pytorch.autolog(checkpoint=True, checkpoint_save_best_only=False, log_models=False)
    trainer = lightning.Trainer(
        max_epochs=2,
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=tmp_path,
    )
    module = Line()
    with mlflow.start_run() as run:
        trainer.fit(module, loader, loader)
    paths = {file.path for file in client.list_artifacts(run.info.run_id, "checkpoints")}
    assert len(paths) == 2
    last = mlflow.pytorch.load_checkpoint(Line, run.info.run_id, epoch=1)
    assert torch.equal(last.layer.weight, module.layer.weight)


@pytest.mark.usefixtures("_quiet")
def test_lightning_logs_its_test(client, fluent_experiment, loader, trainer):
    mlflow.pytorch.autolog(log_models=False)
    with mlflow.start_run() as run:
        module = Line()
        trainer.fit(module, loader)
        (told,) = trainer.test(module, loader, verbose=False)
    kept = client.get_run(run.info.run_id).data.metrics["test_loss"]
    assert kept == pytest.approx(told["test_loss"])


def test_a_model_of_pytorch_is_logged_and_loaded(fluent_experiment):
    model = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU(), torch.nn.Linear(3, 1))
    rows = np.ones((2, 2), dtype=np.float32)
    place = {"name": "model"} if MAJOR >= 3 else {"artifact_path": "model"}
    with mlflow.start_run() as run:
        mlflow.pytorch.log_model(model, **place, pip_requirements=["torch"], input_example=rows)
    expected = model(torch.from_numpy(rows)).detach().numpy()
    native = mlflow.pytorch.load_model(f"runs:/{run.info.run_id}/model")
    assert np.allclose(native(torch.from_numpy(rows)).detach().numpy(), expected)
    loaded = mlflow.pyfunc.load_model(f"runs:/{run.info.run_id}/model")
    assert np.allclose(loaded.predict(rows), expected)


def test_a_state_comes_back(fluent_experiment):
    state = torch.nn.Linear(2, 1).state_dict()
    with mlflow.start_run() as run:
        mlflow.pytorch.log_state_dict(state, artifact_path="state")
    back = mlflow.pytorch.load_state_dict(f"runs:/{run.info.run_id}/state")
    assert all(torch.equal(back[name], state[name]) for name in state)
