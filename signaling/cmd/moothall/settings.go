package main

import (
	"net"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/moothall/moothall/events"
	"github.com/moothall/moothall/events/cli"
	"github.com/moothall/moothall/signaling"
)

// prefix of the hub's variables.
const prefix = "MOOTHALL"

// settings of the hub: the environment's, unless a flag says otherwise.
type settings struct {
	HTTP           string     `envconfig:"HTTP" default:"127.0.0.1:8480" desc:"address of HTTP"`
	NATS           string     `envconfig:"NATS" default:"127.0.0.1:4222" desc:"address of NATS"`
	Data           string     `envconfig:"DATA" default:"./moothall-data" desc:"keys, tokens and records"`
	Dev            bool       `envconfig:"DEV" default:"false" desc:"for one machine: writes worker.env, client.env and viewer.creds"`
	Rooms          []string   `envconfig:"ROOM" desc:"rooms to print the lines of"`
	RolloutPercent int        `envconfig:"ROLLOUT_PERCENT" default:"100" desc:"rooms, by a hash of their id, with the registry in effect"`
	MaxWorkers     int        `envconfig:"MAX_WORKERS" default:"10" desc:"workers in a room"`
	WarnWorkers    int        `envconfig:"WARN_WORKERS" default:"8" desc:"workers in a room from which the log warns"`
	TLSCert        string     `envconfig:"TLS_CERT" unset:"made, and pinned by join tokens" desc:"certificate file (PEM) of HTTP and NATS"`
	TLSKey         string     `envconfig:"TLS_KEY" desc:"its key file"`
	TLS            bool       `envconfig:"TLS" default:"false" desc:"TLS on the loopback too; elsewhere it is on anyway"`
	Plaintext      bool       `envconfig:"PLAINTEXT" default:"false" desc:"no TLS beyond the loopback either: tokens and signaling can be read on the way"`
	AdminToken     cli.Secret `envconfig:"ADMIN_TOKEN" unset:"that of the data folder" desc:"what the operator shows: metrics, tokens, peers"`
	LogLevel       string     `envconfig:"LOG_LEVEL" default:"info" desc:"debug, info, warn or error"`
	LogFormat      string     `envconfig:"LOG_FORMAT" unset:"text on a terminal, else json" desc:"text or json"`
}

// flags are what the command line may say.
type flags struct {
	http, nats, data string
	hub              string
	dev              bool
	tls, plaintext   bool
	rooms            []string
}

// settings reads the environment and lets the flags that cmd was given win.
func (p *program) settings(cmd *cobra.Command) (settings, error) {
	var s settings
	if err := cli.Load(prefix, &s); err != nil {
		return s, err
	}
	given := cmd.Flags().Changed
	if given("http") {
		s.HTTP = p.flags.http
	}
	if given("nats") {
		s.NATS = p.flags.nats
	}
	if given("data") {
		s.Data = p.flags.data
	}
	if given("dev") {
		s.Dev = p.flags.dev
	}
	if given("tls") {
		s.TLS = p.flags.tls
	}
	if given("plaintext") {
		s.Plaintext = p.flags.plaintext
	}
	if given("room") {
		s.Rooms = p.flags.rooms
	}
	return s, s.validate()
}

// validate reports every problem in one error.
func (s settings) validate() error {
	var facts []string
	for _, a := range [][2]string{{"HTTP", s.HTTP}, {"NATS", s.NATS}} {
		if _, port, err := net.SplitHostPort(a[1]); err != nil || !isPort(port) {
			facts = append(facts, "the address of "+a[0]+" is \""+a[1]+"\"; write HOST:PORT, such as 127.0.0.1:8480")
		}
	}
	for _, room := range s.Rooms {
		if err := events.ValidID("room", room); err != nil {
			facts = append(facts, err.Error())
		}
	}
	if (s.TLSCert == "") != (s.TLSKey == "") {
		facts = append(facts, "MOOTHALL_TLS_CERT and MOOTHALL_TLS_KEY go together")
	}
	if s.Plaintext && (s.TLS || s.TLSCert != "") {
		facts = append(facts, "MOOTHALL_PLAINTEXT, and TLS or a certificate, exclude each other")
	}
	if s.RolloutPercent < 0 || s.RolloutPercent > 100 {
		facts = append(facts, "MOOTHALL_ROLLOUT_PERCENT is "+strconv.Itoa(s.RolloutPercent)+"; it must be 0 to 100")
	}
	if s.MaxWorkers < 1 || s.MaxWorkers > signaling.MaxSeats {
		facts = append(facts, "MOOTHALL_MAX_WORKERS is "+strconv.Itoa(s.MaxWorkers)+"; it must be 1 to "+strconv.Itoa(signaling.MaxSeats))
	}
	switch len(facts) {
	case 0:
		return nil
	case 1:
		return events.Errorf(events.CodeConfig, "%s", facts[0])
	}
	e := events.Errorf(events.CodeConfig, "%d settings are wrong", len(facts))
	e.Facts = facts
	return e
}

func isPort(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return err == nil && n <= 65535
}

// onLoopback reports whether an address is reached from this machine only.
func onLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	ip := net.ParseIP(host)
	return err == nil && (host == "localhost" || ip != nil && ip.IsLoopback())
}

// registry is the part of the settings that the service needs.
func (s settings) registry() signaling.Config {
	limits := events.DefaultLimits()
	limits.MaxWorkers = s.MaxWorkers
	percent := s.RolloutPercent
	if percent == 0 {
		percent = signaling.NoRooms
	}
	return signaling.Config{Limits: limits, WarnWorkers: s.WarnWorkers, RolloutPercent: percent, Version: cli.Version()}
}
