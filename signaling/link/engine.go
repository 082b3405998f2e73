package link

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/moothall/moothall/events"
	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/logging"
	"github.com/pion/webrtc/v4"
)

const (
	// rtoMax bounds the wait before SCTP repeats a lost packet; its own bound is a
	// minute, and its own floor a second.
	rtoMax = 300 * time.Millisecond
	// iceTick is the longest time between two looks of pion at what it heard.
	iceTick = 2 * time.Second
	// growth is how many bytes more may be under way after each round trip without a loss:
	// four packets, where SCTP's own rule allows one. ADR 0034 has the numbers.
	growth = 4 * 1200
	// dtlsRepeat is the wait before a lost handshake packet is repeated.
	dtlsRepeat = 200 * time.Millisecond
	// checkEvery is pion's time between two checks of a pair of addresses.
	checkEvery = 200 * time.Millisecond
)

// newAPI sets pion up for data channels between two of our own: no media, no mDNS
// (it costs six goroutines and four sockets a link), no TCP, no in-band channel
// negotiation, the SCTP handshake within the SDP.
//
// Each link has sockets of its own. One socket for all (pion's UDP mux) saves nothing
// but file descriptors, and tells links apart by the remote address: two links between
// the same two endpoints, or a new one while the old one ends, steal each other's
// packets.
func newAPI(cfg Config) *webrtc.API {
	engine := webrtc.SettingEngine{LoggerFactory: pionLogs{cfg.Log}}
	engine.SetNet(cfg.Net)
	engine.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	engine.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	engine.DisableActiveTCP(true)
	engine.SetIncludeLoopbackCandidate(cfg.Loopback)
	keepalive := max(cfg.Keepalive, 0)
	engine.SetICETimeouts(cfg.Disconnected, cfg.Failed+max(2*keepalive, iceTick), keepalive) // run is first
	// Until the attempt ends, not seven times: a cut that ends then is noticed at once.
	engine.SetICEMaxBindingRequests(uint16(min(cfg.Connect/checkEvery, math.MaxUint16-1) + 1))
	engine.SetSCTPRTOMax(rtoMax)
	engine.SetSCTPCwndCAStep(growth)
	engine.SetSCTPMaxMessageSize(events.MaxMessage)
	engine.SetDTLSRetransmissionInterval(dtlsRepeat)
	engine.SetDTLSInsecureSkipHelloVerify(true) // who may offer is verified by signature
	engine.EnableSctpSnap(true)
	engine.DetachDataChannels()
	engine.DisableCloseByDTLS(true) // run closes, nobody else
	return webrtc.NewAPI(
		webrtc.WithSettingEngine(engine),
		webrtc.WithMediaEngine(&webrtc.MediaEngine{}),
		webrtc.WithInterceptorRegistry(&interceptor.Registry{}),
	)
}

// pionLogs hands pion's warnings to our log at its lowest level: what they mean for
// a link, the link says itself.
type pionLogs struct{ log *slog.Logger }

func (l pionLogs) NewLogger(scope string) logging.LeveledLogger { return pionLog{l.log, scope} }

type pionLog struct {
	log   *slog.Logger
	scope string
}

func (pionLog) Trace(string)                     {}
func (pionLog) Tracef(string, ...any)            {}
func (pionLog) Debug(string)                     {}
func (pionLog) Debugf(string, ...any)            {}
func (pionLog) Info(string)                      {}
func (pionLog) Infof(string, ...any)             {}
func (l pionLog) Warn(text string)               { l.say(text) }
func (l pionLog) Warnf(format string, a ...any)  { l.sayf(format, a...) }
func (l pionLog) Error(text string)              { l.say(text) }
func (l pionLog) Errorf(format string, a ...any) { l.sayf(format, a...) }

func (l pionLog) say(text string) { l.log.Debug(text, "pion", l.scope) }

func (l pionLog) sayf(format string, a ...any) {
	if l.log.Enabled(context.Background(), slog.LevelDebug) {
		l.say(fmt.Sprintf(format, a...))
	}
}
