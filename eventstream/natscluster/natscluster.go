// Package natscluster is three NATS servers in this process, which can be stopped
// and started again. It is for tests: of the log, of gateways that share one.
package natscluster

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"path/filepath"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// Nodes is how many servers a cluster has.
const Nodes = 3

// startTimeout bounds the start of one server.
const startTimeout = time.Minute

// Cluster is some servers of one cluster. It is for one goroutine at a time.
type Cluster struct {
	nodes     []*node
	options   []*server.Options
	configure func(*server.Options) error
}

type node struct {
	*server.Server
	running bool
}

// Start starts a cluster that keeps its files in dir, and whose ports stay the
// same when its nodes are stopped and started again. configure, if it is not nil,
// completes a node's options before each of its starts. The caller stops the
// cluster.
func Start(dir string, configure func(*server.Options) error) (*Cluster, error) {
	ports, err := freePorts(2 * Nodes)
	if err != nil {
		return nil, err
	}
	var routes []*url.URL
	for i := range Nodes {
		routes = append(routes, &url.URL{Scheme: "nats", Host: fmt.Sprintf("127.0.0.1:%d", ports[Nodes+i])})
	}
	c := &Cluster{configure: configure}
	for i := range Nodes {
		c.options = append(c.options, &server.Options{
			ServerName: fmt.Sprintf("node%d", i),
			Host:       "127.0.0.1", Port: ports[i],
			JetStream: true, StoreDir: filepath.Join(dir, fmt.Sprint(i)),
			JetStreamMaxMemory: 1 << 30, JetStreamMaxStore: 1 << 40,
			MaxPayload: 8 << 20,
			Cluster:    server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: ports[Nodes+i]},
			Routes:     routes,
			NoLog:      true, NoSigs: true,
		})
		c.nodes = append(c.nodes, &node{})
	}
	for i := range c.nodes {
		if err := c.StartNode(i); err != nil {
			c.Stop()
			return nil, err
		}
	}
	return c, nil
}

// Ports of a cluster are below those that systems give to whoever asks for any, and
// to outgoing connections: nobody gets one of them while its node is stopped.
const firstPort, portsEnd = 10_000, 30_000

// freePorts finds ports that nobody listens on.
func freePorts(n int) ([]int, error) {
	var ports []int
	var err error
	for range 100 * n {
		port := firstPort + rand.IntN(portsEnd-firstPort) //nolint:gosec // it need not be hard to guess
		var l net.Listener
		if l, err = (&net.ListenConfig{}).Listen(context.Background(), "tcp", fmt.Sprintf("127.0.0.1:%d", port)); err != nil {
			continue
		}
		defer func() { _ = l.Close() }() // not before there are enough, or it could come again
		if ports = append(ports, port); len(ports) == n {
			return ports, nil
		}
	}
	return nil, fmt.Errorf("no ports are free: %w", err)
}

// StartNode starts a node that is stopped.
func (c *Cluster) StartNode(i int) error {
	opts := c.options[i].Clone()
	if c.configure != nil {
		if err := c.configure(opts); err != nil {
			return err
		}
	}
	s, err := server.NewServer(opts)
	if err != nil {
		return err
	}
	c.nodes[i].Server, c.nodes[i].running = s, true
	s.Start()
	if !s.ReadyForConnections(startTimeout) {
		return fmt.Errorf("NATS node %d did not start", i)
	}
	return nil
}

// StopNode stops a node; one that is stopped stays so.
func (c *Cluster) StopNode(i int) {
	if node := c.nodes[i]; node.running {
		node.running = false
		node.Shutdown()
		node.WaitForShutdown()
	}
}

// Stop stops all nodes.
func (c *Cluster) Stop() {
	for i := range c.nodes {
		c.StopNode(i)
	}
}

// URLs are the addresses of all nodes, node first at the front.
func (c *Cluster) URLs(first int) []string {
	urls := make([]string, Nodes)
	for i := range urls {
		urls[i] = fmt.Sprintf("nats://127.0.0.1:%d", c.options[(first+i)%Nodes].Port)
	}
	return urls
}

// Leader is the node that leads a stream of the default account; -1 when none
// does.
func (c *Cluster) Leader(stream string) int {
	for i, node := range c.nodes {
		if node.running && node.JetStreamIsStreamLeader(server.DEFAULT_GLOBAL_ACCOUNT, stream) {
			return i
		}
	}
	return -1
}

// Whole tells whether all nodes run, and have all that a stream of the default
// account has.
func (c *Cluster) Whole(stream string) bool {
	for _, node := range c.nodes {
		if !node.running || !node.JetStreamIsStreamCurrent(server.DEFAULT_GLOBAL_ACCOUNT, stream) {
			return false
		}
	}
	return c.Leader(stream) >= 0
}
