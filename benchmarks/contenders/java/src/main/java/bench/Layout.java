package bench;

import java.util.ArrayList;
import java.util.List;

/** What the harness says of topics and FLs, in the environment (benchmarks/layout.py). */
record Layout(String broker, String name, int partitions, int floodlights) {

    static Layout fromEnvironment() {
        return new Layout(
                System.getenv("BENCH_BROKER"),
                System.getenv("BENCH_NAME"),
                Integer.parseInt(System.getenv("BENCH_PARTITIONS")),
                Integer.parseInt(System.getenv("BENCH_FLOODLIGHTS")));
    }

    String inbound() {
        return name + ".speaker";
    }

    String answers() {
        return name + ".flow";
    }

    String read(int floodlight) {
        return name + ".fl.fl-" + floodlight + ".read";
    }

    /** All that the router reads: commands, and what the FLs write. */
    List<String> inputs() {
        List<String> topics = new ArrayList<>();
        topics.add(inbound());
        for (int fl = 0; fl < floodlights; fl++) {
            topics.add(name + ".fl.fl-" + fl + ".write");
        }
        return topics;
    }
}
