#include "cli/command_line.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "cli/outputs.h"
#include "config/load.h"
#include "config/show.h"

namespace holdfast {
namespace {

const std::string conf = std::string(HOLDFAST_SOURCE_DIR) + "/conf/";
const std::string bad = std::string(HOLDFAST_SOURCE_DIR) + "/tests/config/bad/";

// What a command line came to. Nothing here opens a socket: `run` is only tried where it must fail.
struct Ended {
  int exit_code = 0;
  std::string results;
  std::string diagnostics;
};

class CommandLine : public testing::Test {
 protected:
  void SetUp() override { forget(); }
  void TearDown() override { forget(); }

  static void forget() {
    for (const char* name : {"HOLDFAST_LISTEN", "HOLDFAST_UPSTREAM", "HOLDFAST_WORKERS",
                             "HOLDFAST_WRITE_EXPECTED", "HOLDFAST_BINARY"}) {
      ::unsetenv(name);
    }
  }

  static Ended enter(const std::vector<std::string>& words) {
    std::vector<const char*> arguments = {"holdfast"};
    for (const std::string& word : words) {
      arguments.push_back(word.c_str());
    }
    std::ostringstream results;
    std::ostringstream diagnostics;
    const int exit_code = command_line(static_cast<int>(arguments.size()), arguments.data(),
                                       {.results = results, .diagnostics = diagnostics});
    return {exit_code, results.str(), diagnostics.str()};
  }
};

TEST_F(CommandLine, PrintsHelpAndFailsWithoutArguments) {
  const Ended ended = enter({});
  EXPECT_EQ(ended.exit_code, exit_usage);
  EXPECT_EQ(ended.results, "");
  EXPECT_NE(ended.diagnostics.find("Usage: holdfast"), std::string::npos);
}

TEST_F(CommandLine, PrintsHelpWithThreeExamples) {
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"--help"},
                                             {"-h"},
                                             {"run", "--help"},
                                             {"check", "-h"},
                                             {"demo", "--help"},
                                             {"doctor", "--help"},
                                             {"healthcheck", "--help"},
                                             {"config", "-h"},
                                             {"config", "show", "-h"},
                                             {"config", "schema", "-h"}}) {
    const Ended ended = enter(words);
    EXPECT_EQ(ended.exit_code, exit_ok);
    EXPECT_EQ(ended.diagnostics, "");
    const std::size_t examples = ended.results.find("Examples:\n");
    const std::size_t usage = ended.results.find("Usage: holdfast");
    ASSERT_LT(examples, usage) << ended.results;
    const std::string between = ended.results.substr(examples, usage - examples);
    EXPECT_EQ(std::count(between.begin(), between.end(), '\n'), 5) << between;
  }
}

TEST_F(CommandLine, PrintsItsVersion) {
  const Ended brief = enter({"-v"});
  EXPECT_EQ(brief.exit_code, exit_ok);
  EXPECT_EQ(brief.results, "holdfast " HOLDFAST_VERSION "\n");
  EXPECT_EQ(enter({"--version"}).results, brief.results);
  const Ended full = enter({"-V"});
  EXPECT_TRUE(full.results.starts_with(brief.results));
  for (const std::string_view part :
       {"compiler", "libuv", "llhttp", "yaml-cpp", "spdlog", "CLI11"}) {
    EXPECT_NE(full.results.find(part), std::string::npos) << part;
  }
}

TEST_F(CommandLine, ChecksAGoodFile) {
  const std::string file = conf + "several_upstreams.yaml";
  const std::string said = file + ": ok (2 listeners, 2 upstreams, 4 servers)\n";
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"check", file}, {"check", "-c", file}, {"-t", "-c", file}, {"-tc", file}}) {
    const Ended ended = enter(words);
    EXPECT_EQ(ended.exit_code, exit_ok) << ended.diagnostics;
    EXPECT_EQ(ended.results, said);
    EXPECT_EQ(ended.diagnostics, "");
  }
}

TEST_F(CommandLine, ChecksAFileWithAWarning) {
  const Ended ended = enter({"check", bad + "warning_max_idle.yaml"});
  EXPECT_EQ(ended.exit_code, exit_ok);
  EXPECT_NE(ended.results.find("1 server, 1 warning)"), std::string::npos) << ended.results;
  EXPECT_NE(ended.diagnostics.find(": warning: max_idle 20"), std::string::npos);
}

TEST_F(CommandLine, EndsWith78ForABadFile) {
  const std::string file = bad + "unknown_key_typo.yaml";
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"check", file}, {"-t", "-c", file}, {"run", "-c", file}, {"run", file}, {"-c", file}}) {
    const Ended ended = enter(words);
    EXPECT_EQ(ended.exit_code, exit_config);
    EXPECT_EQ(ended.results, "");
    EXPECT_TRUE(ended.diagnostics.starts_with(file + ":7:7: error: unknown key"))
        << ended.diagnostics;
  }
  EXPECT_EQ(enter({"check", "/nonexistent.yaml"}).exit_code, exit_config);
}

TEST_F(CommandLine, SuggestsWhatWasMeant) {
  const std::pair<std::vector<std::string>, std::string> table[] = {
      {{"rnu"}, "unknown command 'rnu'; did you mean 'run'?"},
      {{"chekc", "x.yaml"}, "unknown command 'chekc'; did you mean 'check'?"},
      {{"--lisen", ":80"}, "unknown option '--lisen'; did you mean '--listen'?"},
      {{"run", "--upstraem=a:80"}, "unknown option '--upstraem=a:80'; did you mean '--upstream'?"},
      {{"demo", "--onse"}, "unknown option '--onse'; did you mean '--once'?"},
      {{"frobnicate"}, "unknown command 'frobnicate'"},
      {{"-x"}, "unknown option '-x'"},
      {{"confg", "show"}, "unknown command 'confg'; did you mean 'config'?"},
      {{"config", "shwo"}, "unknown command 'shwo'; did you mean 'show'?"},
      {{"config"}, "'config' needs a command: show or schema"},
      {{"config", "show", "--orign"}, "unknown option '--orign'; did you mean '--origin'?"},
      {{"check", "a", "b"}, "unexpected argument 'b'"},
  };
  for (const auto& [words, expected] : table) {
    const Ended ended = enter(words);
    EXPECT_EQ(ended.exit_code, exit_usage);
    EXPECT_TRUE(ended.diagnostics.starts_with("holdfast: " + expected + "\n")) << ended.diagnostics;
    EXPECT_EQ(ended.results, "");
  }
}

TEST_F(CommandLine, RefusesBadUsage) {
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"run", "-c"},
           {"run", "-c", conf + "minimal.yaml", "--listen", ":80"},
           {"run", "--listen", ":80"},
           {"run", "--upstream", "a:80"},
           {"run", "--listen", "80", "--upstream", "a:80"},
           {"run", "--listen", ":80", "--upstream", "a"},
           {"run", "--listen", ":80", "--upstream", "a:80", "-w", "0"},
           {"run", "--listen", ":80", "--upstream", "a:80", "-w", "many"},
           {"-c", conf + "minimal.yaml", "run"},
           {"-c", conf + "minimal.yaml", "-w", "0", "config", "show"},
           {"config", "show", conf + "minimal.yaml", "-w", "0"},
           {"config", "show", conf + "minimal.yaml", "--set", "workers"},
           {"config", "show", conf + "minimal.yaml", "--set", "=1"},
           {"config", "show", conf + "minimal.yaml", "--set", "workers=0"},
           {"config", "show", conf + "minimal.yaml", "--set", "wokers=1"},
           {"config", "schema", "x"},
           {"demo", "--requests", "0"},
           {"demo", "--requests", "x"},
           {"demo", "--port", "70000"}}) {
    const Ended ended = enter(words);
    EXPECT_EQ(ended.exit_code, exit_usage) << words.back();
    EXPECT_NE(ended.diagnostics, "");
    EXPECT_EQ(ended.results, "");
  }
}

TEST_F(CommandLine, SaysWhatIsWrongWithTheUsage) {
  const std::string file = conf + "minimal.yaml";
  struct Row {
    std::vector<std::string> words;
    std::string expected;
    std::string help;
  };
  const Row table[] = {
      {{"-c", ""}, "--config: the name of the file is empty", "holdfast"},
      {{"run", "-c", ""}, "--config: the name of the file is empty", "holdfast run"},
      {{"run", ""}, "FILE: the name of the file is empty", "holdfast run"},
      {{"check", ""}, "FILE: the name of the file is empty", "holdfast check"},
      {{"check", "-c", ""}, "--config: the name of the file is empty", "holdfast check"},
      {{"run", "-l", ""}, "--listen: the address is empty", "holdfast run"},
      {{"run", file, "-c", file}, "FILE and --config exclude each other", "holdfast run"},
      {{"check", file, "-c", file}, "FILE and --config exclude each other", "holdfast check"},
      {{"run", file, "-l", ":80"}, "FILE and --listen exclude each other", "holdfast run"},
      {{"run", "-c", file, "-u", "a:80"},
       "--config and --upstream exclude each other",
       "holdfast run"},
      {{"run", "--listen"}, "--listen needs an ADDRESS", "holdfast run"},
      {{"-c"}, "--config needs a FILE", "holdfast"},
      {{"demo", "--port"}, "--port needs an N", "holdfast demo"},
      {{"run", "-l", ":80", "-l", ":81"}, "--listen may be given only once", "holdfast run"},
      {{"run", "-l", "80", "-u", "a:80"},
       "--listen: '80' is not an address to listen on; write :80",
       "holdfast run"},
      {{"-t", "-l", ":80"}, "--listen: --upstream is needed with it", "holdfast"},
      {{"demo", "--requests", "x"},
       "--requests: 'x' is not a number from 1 to 10000000",
       "holdfast demo"},
      {{"demo", "--concurrency", "1001"},
       "--concurrency: '1001' is not a number from 1 to 1000",
       "holdfast demo"},
      {{"demo", "--concurrency", "0"},
       "--concurrency: '0' is not a number from 1 to 1000",
       "holdfast demo"},
      {{"demo", "run"}, "unexpected argument 'run'", "holdfast demo"},
      {{"help"}, "unknown command 'help'; did you mean '--help'?", "holdfast"},
      {{"version"}, "unknown command 'version'; did you mean '--version'?", "holdfast"},
  };
  for (const Row& row : table) {
    const Ended ended = enter(row.words);
    EXPECT_EQ(ended.exit_code, exit_usage);
    EXPECT_EQ(ended.diagnostics,
              "holdfast: " + row.expected + "\nTry '" + row.help + " --help'.\n");
    EXPECT_EQ(ended.results, "");
  }
}

TEST_F(CommandLine, AdvisesWhereThereIsNoDefaultFile) {
  if (std::filesystem::exists("/etc/holdfast/holdfast.yaml")) {
    GTEST_SKIP() << "this machine has a configuration";
  }
  const std::string unread =
      "/etc/holdfast/holdfast.yaml: error: cannot be read: No such file or directory; ";
  EXPECT_EQ(enter({"run"}).diagnostics,
            unread + "name a file with -c, or use --listen and --upstream\n");
  EXPECT_EQ(enter({"run"}).exit_code, exit_config);
  EXPECT_EQ(enter({"check"}).diagnostics, unread + "name a file: holdfast check FILE\n");
}

TEST_F(CommandLine, GivesNoAdviceOnAFileThatWasNamed) {
  EXPECT_EQ(enter({"run", "/nonexistent.yaml"}).diagnostics,
            "/nonexistent.yaml: error: cannot be read: No such file or directory\n");
}

TEST_F(CommandLine, ShowsTheDefaultsOfTheDemo) {
  const std::string help = enter({"demo", "--help"}).results;
  for (const std::string_view line :
       {"--requests N                Requests of each run (default: 10000)\n",
        "--concurrency N             Clients at one time (default: 50)\n",
        "--port N                    The port to go on serving on; not used with --once "
        "(default: 8080)\n"}) {
    EXPECT_NE(help.find(line), std::string::npos) << help;
  }
  EXPECT_EQ(help.find("--once --requests 5000 --port"), std::string::npos);
}

TEST_F(CommandLine, ShowsAConfigurationThatLoadsAgain) {
  for (const char* sample : {"minimal", "legacy", "sidecar", "several_upstreams", "defaults"}) {
    const Ended shown = enter({"config", "show", conf + sample + ".yaml"});
    EXPECT_EQ(shown.exit_code, exit_ok) << shown.diagnostics;
    EXPECT_EQ(shown.diagnostics, "");
    const LoadOutcome again = load_text("shown.yaml", shown.results);
    ASSERT_TRUE(again.config) << render_all(again, Colour::never) << shown.results;
    EXPECT_EQ(config_as_yaml(*again.config, {}, Remark::nothing), shown.results);
  }
}

TEST_F(CommandLine, SaysWhereEachValueComesFrom) {
  const std::string file = conf + "minimal.yaml";
  ::setenv("HOLDFAST_WORKERS", "3", 1);
  const std::string of_environment = enter({"config", "show", "--origin", file}).results;
  EXPECT_NE(of_environment.find("workers: 3"), std::string::npos) << of_environment;
  EXPECT_NE(of_environment.find("# environment HOLDFAST_WORKERS\n"), std::string::npos);
  EXPECT_NE(of_environment.find("# " + file + ":5\n"), std::string::npos);
  EXPECT_NE(of_environment.find("# default, as max_connections\n"), std::string::npos);
  const std::string of_flag =
      enter({"config", "show", "--origin", file, "-w", "2", "--set", "log.level=debug"}).results;
  EXPECT_NE(of_flag.find("# command line --workers\n"), std::string::npos) << of_flag;
  EXPECT_NE(of_flag.find("# command line --set log.level\n"), std::string::npos) << of_flag;
  const std::string names = enter({"config", "show", "--env", file}).results;
  EXPECT_NE(names.find("# HOLDFAST_UPSTREAMS_APP_POOL_QUEUE_MAX\n"), std::string::npos) << names;
  const std::string json = enter({"config", "show", "--json", file}).results;
  EXPECT_NE(json.find(R"({"key": "workers", "value": 3, "origin": "environment HOLDFAST_WORKERS", )"
                      R"("variable": "HOLDFAST_WORKERS"},)"),
            std::string::npos)
      << json;
}

TEST_F(CommandLine, TestsAndShowsForThoseUsedToIt) {
  const std::string file = conf + "minimal.yaml";
  const Ended shown = enter({"-T", "-c", file});
  EXPECT_EQ(shown.exit_code, exit_ok);
  EXPECT_EQ(shown.results, enter({"config", "show", file}).results);
  EXPECT_EQ(shown.diagnostics, enter({"check", file}).results);
  const Ended refused = enter({"-T", "-c", bad + "unknown_key_typo.yaml"});
  EXPECT_EQ(refused.exit_code, exit_config);
  EXPECT_EQ(refused.results, "");
}

TEST_F(CommandLine, TakesTheMissingOneOfTwoFlagsFromTheEnvironment) {
  ::setenv("HOLDFAST_UPSTREAM", "a:80", 1);
  const Ended ended = enter({"-t", "--listen", ":80"});
  EXPECT_EQ(ended.results, "command line: ok (1 listener, 1 upstream, 1 server)\n")
      << ended.diagnostics;
}

TEST_F(CommandLine, TrimsTheServersOfTheEnvironment) {
  ::setenv("HOLDFAST_LISTEN", ":8080", 1);
  ::setenv("HOLDFAST_UPSTREAM", " a:1, b:2 ,\tc:3 ", 1);
  const Ended ended = enter({"check"});
  EXPECT_EQ(ended.results, "environment: ok (1 listener, 1 upstream, 3 servers)\n")
      << ended.diagnostics;
  ::setenv("HOLDFAST_UPSTREAM", "a:1, ,b:2", 1);
  EXPECT_EQ(enter({"check"}).exit_code, exit_config);
}

TEST_F(CommandLine, ChecksTheEnvironmentIfNoFileIsGiven) {
  ::setenv("HOLDFAST_LISTEN", ":8080", 1);
  ::setenv("HOLDFAST_UPSTREAM", "a:80,b:80", 1);
  EXPECT_EQ(enter({"check"}).results, "environment: ok (1 listener, 1 upstream, 2 servers)\n");
  const Ended file = enter({"check", conf + "minimal.yaml"});
  EXPECT_EQ(file.results,
            conf + "minimal.yaml: ok (1 listener, 1 upstream, 1 server, 2 warnings)\n");
  EXPECT_EQ(file.diagnostics, "HOLDFAST_LISTEN: warning: not used: " + conf +
                                  "minimal.yaml was asked for\nHOLDFAST_UPSTREAM: warning: not "
                                  "used: " +
                                  conf + "minimal.yaml was asked for\n");
}

TEST_F(CommandLine, EndsWith78ForABadEnvironment) {
  ::setenv("HOLDFAST_LISTEN", "8080", 1);
  EXPECT_EQ(enter({"check"}).exit_code, exit_config);
  EXPECT_EQ(enter({"check"}).diagnostics,
            "HOLDFAST_LISTEN: error: HOLDFAST_UPSTREAM is needed with it\n");
  ::setenv("HOLDFAST_UPSTREAM", "a:80", 1);
  EXPECT_EQ(enter({}).exit_code, exit_config);
  EXPECT_EQ(enter({}).diagnostics,
            "HOLDFAST_LISTEN: error: '8080' is not an address to listen on; write :8080\n");
}

}  // namespace
}  // namespace holdfast
