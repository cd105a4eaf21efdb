package eventstream

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/callgate/callgate/eventstream/natscluster"
	"github.com/callgate/callgate/mask"
)

// natsCluster is three NATS servers in this process.
type natsCluster struct {
	*natscluster.Cluster
	// used are the accounts in use, each with streams of its own, by the folder that
	// an embedded log would have: a log that is new must not meet what is left of the
	// one before it.
	used map[string]int
}

// clusterAccounts is how many logs the tests of one process may make.
const clusterAccounts = 500

// startCluster starts a cluster with the accounts of a configuration file; without
// accounts when it is empty. The caller stops it.
func startCluster(dir, accounts string) (*natsCluster, error) {
	cluster, err := natscluster.Start(dir, func(opts *server.Options) error {
		if accounts == "" {
			return nil
		}
		parsed, err := server.ProcessConfigFile(accounts)
		if err != nil {
			return err
		}
		opts.Accounts, opts.Users, opts.SystemAccount = parsed.Accounts, parsed.Users, parsed.SystemAccount
		return nil
	})
	return &natsCluster{Cluster: cluster, used: make(map[string]int)}, err
}

// natsOptions reach the cluster, node i first.
func (c *natsCluster) natsOptions(i int) *NATSOptions {
	return &NATSOptions{URLs: c.URLs(i)}
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
	o.User, o.Password = fmt.Sprintf("a%d", i), mask.NewSecret("a")
	return o
}

// newCluster is a cluster for one test.
func newCluster(t *testing.T) *natsCluster {
	t.Helper()
	c, err := startCluster(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Stop)
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
	defer shared.Stop()
	return s.M.Run()
}
