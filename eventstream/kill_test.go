package eventstream

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// killedDir is where the process that TestAppendSurvivesKill kills has its log.
const killedDir = "CALLGATE_TEST_KILLED_DIR"

// appendUntilKilled is that process: it says the number of each event once Append
// has returned.
func appendUntilKilled(dir string) error {
	log, err := OpenLog(context.Background(), LogOptions{Dir: dir})
	if err != nil {
		return err
	}
	for i := 0; ; i++ {
		rec := record(fmt.Sprintf("c-%d", i), "c", typeParticipantsUpdated)
		if err := log.Append(context.Background(), rec); err != nil {
			return err
		}
		if _, err := fmt.Println(i); err != nil {
			return err
		}
	}
}

func TestAppendSurvivesKill(t *testing.T) {
	dir := t.TempDir()
	process := exec.CommandContext(testContext(t), os.Args[0])
	process.Env = append(os.Environ(), killedDir+"="+dir)
	process.Stderr = os.Stderr
	output, err := process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	said := 0
	for lines := bufio.NewScanner(output); lines.Scan(); {
		if said++; said == 200 {
			if err := process.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := process.Wait(); err == nil || said < 200 {
		t.Fatalf("it ended by itself, %v, after %d events", err, said)
	}

	log := openLog(t, LogOptions{Dir: dir})
	// What it did not come to say may be there too; saying it again makes no second.
	appendMany(t, log, "c", 0, said+1)
	wantHistory(t, log, "c", ids("c", 0, said+1)...)
}
