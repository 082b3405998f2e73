package stage

import (
	"fmt"
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

// freePorts finds n TCP ports of the loopback that nobody uses. Another process
// may take one before its use; whoever starts a server says so and tries again.
func freePorts(n int) ([]int, error) {
	var ports []int
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close() // all are held until all are found
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

// word quotes s for MOOT_COMMANDS, which is split as a POSIX shell does.
func word(s string) string {
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
