package link

import (
	"net"
	"testing"
	"time"

	"github.com/pion/transport/v5"
)

// listed is a network with these interfaces.
type listed struct {
	Net
	interfaces []*transport.Interface
}

func (l listed) Interfaces() ([]*transport.Interface, error) { return l.interfaces, nil }

func nic(flags net.Flags, ip string) *transport.Interface {
	i := transport.NewInterface(net.Interface{Name: ip, Flags: flags})
	i.AddAddress(&net.IPNet{IP: net.ParseIP(ip), Mask: net.CIDRMask(24, 32)})
	return i
}

func TestAlone(t *testing.T) {
	loopback := nic(net.FlagUp|net.FlagLoopback, "127.0.0.1")
	for what, c := range map[string]struct {
		interfaces []*transport.Interface
		want       bool
	}{
		"nothing":        {nil, true},
		"loopback":       {[]*transport.Interface{loopback}, true},
		"down":           {[]*transport.Interface{loopback, nic(0, "10.0.0.1")}, true},
		"IPv6 only":      {[]*transport.Interface{loopback, nic(net.FlagUp, "2001:db8::1")}, true},
		"an IPv4 to use": {[]*transport.Interface{loopback, nic(net.FlagUp, "10.0.0.1")}, false},
	} {
		if got := alone(listed{interfaces: c.interfaces}); got != c.want {
			t.Errorf("%s: %t", what, got)
		}
	}
}

// pion refuses to open a link with a certificate that has ended, and its own end after
// a month.
func TestCertificate_OutlivesTheProcess(t *testing.T) {
	certificate, print, err := newCertificate(time.Now())
	must(t, err)
	if left := time.Until(certificate.Expires()); left < 10*365*24*time.Hour {
		t.Errorf("ends in %s", left)
	}
	if len(print) != len("sha-256 ")+32*3-1 {
		t.Errorf("fingerprint %q", print)
	}
}
