# IO::Socket::INET of a simulated host, as far as it listens: a file that its process keeps locked, until it dies.
package IO::Socket::INET;
BEGIN { $INC{'IO/Socket/INET.pm'} = __FILE__ }
use Fcntl qw(:flock);
use Errno qw(EADDRINUSE EADDRNOTAVAIL);

sub new {
  my ($class, %option) = @_;
  my ($address, $port) = @option{qw(LocalAddr LocalPort)};
  my $own = do { local @ARGV = '/opt/simulation/address'; <> };
  chomp $own;
  die "the simulated host only listens on its own address\n" unless $option{Listen} and $address;
  if ($address ne $own) { $! = EADDRNOTAVAIL; return }
  my $folder = '/opt/simulation/wire/listeners';
  mkdir $folder;
  open my $listener, '>>', "$folder/$address:$port" or return;
  # Who looks whether it is locked locks it for a moment.
  for (1 .. 20) {
    return bless $listener, $class if flock $listener, LOCK_EX | LOCK_NB;
    select undef, undef, undef, 0.01;
  }
  $! = EADDRINUSE;
  return;
}
1;
