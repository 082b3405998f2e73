package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"
)

// renewalEvery is how late a certificate that was replaced may be noticed.
const renewalEvery = time.Second

// follow shows what the files of the certificate hold, until ctx ends: whoever renews them
// need not restart the hub. Connections that stand keep what they began with. Files that
// are not good, or not yet both there, change nothing.
func (c *certificate) follow(ctx context.Context, d dataDir, log *slog.Logger) error {
	if c == nil {
		return nil
	}
	ticks := time.NewTicker(renewalEvery)
	defer ticks.Stop()
	for seen := c.state(); ; {
		select {
		case <-ctx.Done():
			return nil
		case <-ticks.C:
		}
		now := c.state()
		if now == seen {
			continue
		}
		seen = now
		before := c.pin()
		if err := c.read(); err != nil {
			log.Warn("the certificate has changed and cannot be used; the former one is shown", "file", c.certFile, "error", err)
			continue
		}
		if err := c.writePin(d); err != nil {
			log.Error("the pin of the new certificate cannot be written", "error", err)
		}
		log.Info("the certificate was replaced", "file", c.certFile, "until", c.shown.Load().Leaf.NotAfter)
		if before != "" && before != c.pin() {
			log.Warn("join tokens made before pin the former certificate: they must be made anew")
		}
	}
}

// state is a text that changes whenever the files do.
func (c *certificate) state() (text string) {
	for _, name := range []string{c.certFile, c.keyFile} {
		if info, err := os.Stat(name); err == nil {
			text += fmt.Sprintf("%d %d;", info.Size(), info.ModTime().UnixNano())
		}
	}
	return text
}
