package eventstream

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// natsCluster is three NATS servers in this process.
type natsCluster struct {
	nodes   []*natsNode
	options []*server.Options
	// Accounts, each with streams of its own: a log that is new must not meet what
	// is left of the one before it.
	accounts string         // a configuration file; none when empty
	used     map[string]int // by the folder that an embedded log would have
}

// clusterAccounts is how many logs the tests of one process may make.
const clusterAccounts = 500

type natsNode struct {
	*server.Server
	running bool
}

const clusterNodes = 3

// startCluster makes a cluster whose ports stay the same when its nodes are
// stopped and started again. The caller stops it.
func startCluster(dir, accounts string) (*natsCluster, error) {
	ports, err := freePorts(2 * clusterNodes)
	if err != nil {
		return nil, err
	}
	var routes []*url.URL
	for i := range clusterNodes {
		routes = append(routes, &url.URL{Scheme: "nats", Host: fmt.Sprintf("127.0.0.1:%d", ports[clusterNodes+i])})
	}
	c := &natsCluster{accounts: accounts, used: make(map[string]int)}
	for i := range clusterNodes {
		c.options = append(c.options, &server.Options{
			ServerName: fmt.Sprintf("node%d", i),
			Host:       "127.0.0.1", Port: ports[i],
			JetStream: true, StoreDir: filepath.Join(dir, fmt.Sprint(i)),
			JetStreamMaxMemory: 1 << 30, JetStreamMaxStore: 1 << 40,
			MaxPayload: maxRecordBytes,
			Cluster:    server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: ports[clusterNodes+i]},
			Routes:     routes,
			NoLog:      true, NoSigs: true,
		})
		c.nodes = append(c.nodes, &natsNode{})
	}
	for i := range c.nodes {
		if err := c.start(i); err != nil {
			c.stop()
			return nil, err
		}
	}
	return c, nil
}

// freePorts finds ports that nobody listens on.
func freePorts(n int) ([]int, error) {
	var ports []int
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer func() { _ = l.Close() }()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

func (c *natsCluster) start(i int) error {
	opts := c.options[i].Clone()
	if c.accounts != "" {
		parsed, err := server.ProcessConfigFile(c.accounts)
		if err != nil {
			return err
		}
		opts.Accounts, opts.Users, opts.SystemAccount = parsed.Accounts, parsed.Users, parsed.SystemAccount
	}
	s, err := server.NewServer(opts)
	if err != nil {
		return err
	}
	c.nodes[i].Server, c.nodes[i].running = s, true
	s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		return fmt.Errorf("NATS node %d did not start", i)
	}
	return nil
}

func (c *natsCluster) stopNode(i int) {
	if node := c.nodes[i]; node.running {
		node.running = false
		node.Shutdown()
		node.WaitForShutdown()
	}
}

func (c *natsCluster) stop() {
	for i := range c.nodes {
		c.stopNode(i)
	}
}

// natsOptions reach the cluster, node i first.
func (c *natsCluster) natsOptions(i int) *NATSOptions {
	o := &NATSOptions{}
	for j := range c.options {
		o.URLs = append(o.URLs, fmt.Sprintf("nats://127.0.0.1:%d", c.options[(i+j)%len(c.options)].Port))
	}
	return o
}

// writeAccounts writes the configuration of many accounts.
func writeAccounts(file string) error {
	text := "system_account: SYS\naccounts: {\n  SYS: {users: [{user: sys, password: sys}]}\n"
	for i := range clusterAccounts {
		text += fmt.Sprintf("  a%d: {jetstream: enabled, users: [{user: a%d, password: a}]}\n", i, i)
	}
	return os.WriteFile(file, []byte(text+"}\n"), 0o600)
}

// account reaches the cluster as the account that stands for a folder; as a new one
// where that is empty.
func (c *natsCluster) account(tb testing.TB, folder string) *NATSOptions {
	tb.Helper()
	if folder == "" {
		folder = fmt.Sprint(len(c.used))
	}
	i, again := c.used[folder]
	if !again {
		i = len(c.used)
		c.used[folder] = i
	}
	if i >= clusterAccounts {
		tb.Fatalf("there are %d accounts only", clusterAccounts)
	}
	o := c.natsOptions(0)
	o.User, o.Password = fmt.Sprintf("a%d", i), "a"
	return o
}

// leader is the node that leads the stream; -1 when none does.
func (c *natsCluster) leader() int {
	for i, node := range c.nodes {
		if node.running && node.JetStreamIsStreamLeader(server.DEFAULT_GLOBAL_ACCOUNT, streamName) {
			return i
		}
	}
	return -1
}

// whole tells whether all nodes run, and have all that the stream has.
func (c *natsCluster) whole() bool {
	for _, node := range c.nodes {
		if !node.running || !node.JetStreamIsStreamCurrent(server.DEFAULT_GLOBAL_ACCOUNT, streamName) {
			return false
		}
	}
	return c.leader() >= 0
}

// newCluster is a cluster for one test.
func newCluster(t *testing.T) *natsCluster {
	t.Helper()
	c, err := startCluster(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.stop)
	return c
}

// overCluster, in the environment of this test binary, has it run the tests that
// it is told to over a cluster, where they would use an embedded log.
const overCluster = "CALLGATE_TEST_OVER_CLUSTER"

// shared is the cluster that openLog uses; nil: embedded logs. Only TestMain sets
// it.
var shared *natsCluster

// suite runs the tests, with the cluster that they are to use.
type suite struct{ *testing.M }

func (s suite) Run() int {
	if os.Getenv(overCluster) == "" {
		return s.M.Run()
	}
	dir, err := os.MkdirTemp("", "callgate-test-")
	if err == nil {
		defer func() { _ = os.RemoveAll(dir) }()
		accounts := filepath.Join(dir, "accounts.conf")
		if err = writeAccounts(accounts); err == nil {
			shared, err = startCluster(dir, accounts)
		}
	}
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer shared.stop()
	return s.M.Run()
}
