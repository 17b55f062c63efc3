package orders

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// cluster is a running cluster that ends with the test, however that ends.
type cluster struct {
	t       *testing.T
	name    string
	brokers []string
}

func program() string {
	if named := os.Getenv("KAFKARIUM"); named != "" {
		return named
	}
	return "kafkarium"
}

func startCluster(t *testing.T, topics ...string) *cluster {
	t.Helper()
	name := fmt.Sprintf("go-%d", os.Getpid())
	arguments := []string{"up", "--name", name, "--ephemeral", "--json", "--until-eof",
		"--base-port", "0", "--zookeeper-port", "0"}
	for _, topic := range topics {
		arguments = append(arguments, "--topic", topic)
	}
	up := exec.Command(program(), arguments...)
	up.Stderr = os.Stderr
	stdin, err := up.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := up.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := up.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		up.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err != nil {
		t.Fatalf("the cluster did not start: %v", err)
	}
	var status struct{ Bootstrap string }
	if err := json.Unmarshal(line, &status); err != nil {
		t.Fatal(err)
	}
	return &cluster{t, name, strings.Split(status.Bootstrap, ",")}
}

func (c *cluster) run(arguments ...string) {
	c.t.Helper()
	said, err := exec.Command(program(), arguments...).CombinedOutput()
	if err != nil {
		c.t.Fatalf("%v: %s", arguments, said)
	}
}

func (c *cluster) exec(actions ...string) {
	c.t.Helper()
	c.run(append([]string{"exec", "--name", c.name}, actions...)...)
}

func (c *cluster) wait(condition string) {
	c.t.Helper()
	c.run("wait", "--name", c.name, condition)
}
