package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// write puts the four results into dir, which it makes if need be.
func write(dir string, net *network, history []epoch, c confusion) error {
	model, err := modelJSON(net, history)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, f := range []struct {
		name string
		data []byte
	}{
		{"model.json", model},
		{"metrics.csv", metricsCSV(history)},
		{"learning-curve.svg", learningCurve(history)},
		{"confusion.svg", confusionMatrix(c)},
	} {
		if err := os.WriteFile(filepath.Join(dir, f.name), f.data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func modelJSON(net *network, history []epoch) ([]byte, error) {
	data, err := json.Marshal(struct {
		Kind     string  `json:"kind"`
		Pixels   int     `json:"pixels"`
		Hidden   int     `json:"hidden"`
		Classes  int     `json:"classes"`
		Epochs   int     `json:"epochs"`
		Accuracy float64 `json:"accuracy"`
		*network
	}{"mlp-relu-softmax", len(net.First), hidden, classes, len(history), history[len(history)-1].accuracy, net})
	return append(data, '\n'), err
}

func metricsCSV(history []epoch) []byte {
	var b bytes.Buffer
	b.WriteString("epoch,train_loss,test_loss,test_accuracy\n")
	for _, e := range history {
		fmt.Fprintf(&b, "%d,%.6f,%.6f,%.6f\n", e.number, e.trainLoss, e.testLoss, e.accuracy)
	}
	return b.Bytes()
}
