package main

import (
	"context"
	"errors"
	"net"
	"net/url"
	"path/filepath"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/concurrency"
	"go.etcd.io/etcd/server/v3/embed"
)

// etcd elects with its own recipe. The shortest life of a session depends on the
// server's election timeout; at this one it is a second, the least that can be asked.
var etcd = peer{
	name: "etcd", what: "etcd 3.7.3, one server, election, session's TTL 1 s (its floor)",
	server: serveEtcd, node: campaign,
}

const (
	tickMs     = 10
	electionMs = 100
	sessionTTL = 1 // seconds
)

func serveEtcd(ctx context.Context, c config) error {
	e := embed.NewConfig()
	e.Dir, e.TickMs, e.ElectionMs = filepath.Join(c.dir, "etcd"), tickMs, electionMs
	e.LogLevel, e.LogOutputs = "error", []string{"stderr"}
	clients, err := freeURL()
	if err != nil {
		return err
	}
	peers, err := freeURL()
	if err != nil {
		return err
	}
	e.ListenClientUrls, e.AdvertiseClientUrls = []url.URL{clients}, []url.URL{clients}
	e.ListenPeerUrls, e.AdvertisePeerUrls = []url.URL{peers}, []url.URL{peers}
	e.InitialCluster = e.InitialClusterFromName(e.Name)
	s, err := embed.StartEtcd(e)
	if err != nil {
		return err
	}
	defer s.Close()
	select {
	case <-s.Server.ReadyNotify():
	case <-time.After(patience):
		return errors.New("not ready")
	}
	say("at", clients.Host)
	<-ctx.Done()
	return nil
}

func freeURL() (url.URL, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return url.URL{}, err
	}
	defer l.Close()
	return url.URL{Scheme: "http", Host: l.Addr().String()}, nil
}

func campaign(ctx context.Context, c config) error {
	client, err := clientv3.New(clientv3.Config{Endpoints: c.join, DialTimeout: patience})
	if err != nil {
		return err
	}
	defer client.Close()
	session, err := concurrency.NewSession(client, concurrency.WithTTL(sessionTTL))
	if err != nil {
		return err
	}
	election := concurrency.NewElection(session, "/admin")
	failed := make(chan error, 1)
	go func() {
		if err := election.Campaign(ctx, c.name); err != nil {
			failed <- err
		}
	}()
	leaders := election.Observe(ctx)
	for {
		select {
		case l, ok := <-leaders:
			if !ok {
				return errors.New("the observer ended")
			}
			say("leader", string(l.Kvs[0].Value))
		case err := <-failed:
			return err
		case <-session.Done():
			return errors.New("the session ended")
		}
	}
}
