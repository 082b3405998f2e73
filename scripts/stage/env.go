package stage

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strings"
)

// environ is this process' environment without any setting of Moothall, and with
// the given NAME=value pairs.
func environ(settings ...string) []string {
	clean := slices.DeleteFunc(os.Environ(), func(pair string) bool {
		return strings.HasPrefix(pair, "MOOT_") || strings.HasPrefix(pair, "MOOTHALL_") || strings.HasPrefix(pair, "ENABLE_ROOM_REGISTRY=")
	})
	return append(clean, settings...)
}

// readEnv reads a file of NAME=value lines, as the hub writes it; empty lines and
// lines that begin with # do not count.
func readEnv(path string) ([]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var pairs []string
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if name, _, ok := strings.Cut(line, "="); !ok || name == "" {
			return nil, fmt.Errorf("%s: %q is not NAME=value", path, line)
		}
		pairs = append(pairs, line)
	}
	return pairs, nil
}

// Ports below those that systems give to outgoing connections, of which a stage makes
// hundreds: one of these would take a port between its finding and its use.
const (
	firstPort = 10000
	lastPort  = 32000
	portTries = 1000
)

// freePorts finds n TCP ports of the loopback that nobody uses. Another process
// may take one before its use; whoever starts a server says so and tries again.
func freePorts(n int) (ports []int, err error) {
	for range portTries {
		if len(ports) == n {
			return ports, nil
		}
		port := firstPort + rand.IntN(lastPort-firstPort)
		l, failed := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if failed != nil {
			err = failed
			continue
		}
		defer l.Close() // all are held until all are found
		ports = append(ports, port)
	}
	return nil, fmt.Errorf("no free port: %w", err)
}

// word quotes s for MOOT_COMMANDS, which is split as a POSIX shell does.
func word(s string) string {
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
