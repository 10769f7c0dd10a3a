/**
 * A dump as one archive (tar, GNU format), on its host. The archive is nowhere as a whole: its bytes follow from the files,
 * so that any part of it can be read, and sent again, without room for it. Needs Python 3 with its standard library,
 * which Patroni brings.
 *
 * ```
 * seal FOLDER     writes the manifest, prints what the archive is; stdin: {about, names}
 * send FOLDER     sends the archive in parts; stdin: {urls, partBytes, ca}
 * fetch FOLDER    fetches and unpacks one; stdin: {url, sizeBytes, checksum, ca}
 * ```
 * URLs are secrets: they come by stdin and are in no message.
 */
export const ARCHIVE_PROGRAM = `
import hashlib, http.client, json, os, re, shutil, ssl, sys, tarfile, time, urllib.parse

CHUNK = 1 << 20
TRIES = 6
MEMBER = re.compile(r'manifest\\.json|roles\\.sql|databases/[0-9]+/[^/.][^/]*')

class Trouble(Exception): pass

def say(text): print(text, flush=True)

def archive(folder):
    'Where each piece of the archive begins, how long it is, and what it is: bytes, or the path of a file.'
    names = sorted(os.path.relpath(os.path.join(at, name), folder) for at, _, files in os.walk(folder) for name in files)
    pieces, at = [], 0
    for name in names:
        path = os.path.join(folder, name)
        info = tarfile.TarInfo(name)
        info.size, info.mode = os.path.getsize(path), 0o600
        head = info.tobuf(tarfile.GNU_FORMAT)
        for length, what in ((len(head), head), (info.size, path), (-info.size % 512, bytes(-info.size % 512))):
            if length: pieces.append((at, length, what))
            at += length
    pieces.append((at, 1024, bytes(1024)))
    return pieces, at + 1024

def read(pieces, begin, end):
    for at, length, what in pieces:
        low, high = max(begin, at) - at, min(end, at + length) - at
        if low >= high: continue
        if isinstance(what, bytes):
            yield what[low:high]
            continue
        with open(what, 'rb') as file:
            file.seek(low)
            while low < high:
                chunk = file.read(min(CHUNK, high - low))
                if not chunk: raise Trouble('a file has become shorter')
                low += len(chunk)
                yield chunk

def telling(chunks, count, size):
    'Passes them on, and tells every two seconds how far it is.'
    told = time.monotonic()
    for chunk in chunks:
        yield chunk
        count += len(chunk)
        if time.monotonic() - told > 2:
            told = time.monotonic()
            say('%d of %d bytes' % (count, size))

def seal(folder, asked):
    there = [n for n in range(1, len(asked['names']) + 1) if os.path.isdir(os.path.join(folder, 'databases', str(n)))]
    databases = [asked['names'][n - 1] for n in there]
    for number, n in enumerate(there, 1):
        os.rename(os.path.join(folder, 'databases', str(n)), os.path.join(folder, 'databases', str(number)))
    with open(os.path.join(folder, 'manifest.json'), 'w', encoding='utf-8') as file:
        json.dump({**asked['about'], 'databases': databases}, file, ensure_ascii=False, indent=2)
        file.write('\\n')
    pieces, size = archive(folder)
    digest = hashlib.sha256()
    for chunk in telling(read(pieces, 0, size), 0, size): digest.update(chunk)
    with open(folder + '.sealed.new', 'w', encoding='utf-8') as file:
        json.dump({'dump': asked['about']['dump'], 'databases': databases, 'sizeBytes': size, 'checksum': digest.hexdigest()}, file)
    os.rename(folder + '.sealed.new', folder + '.sealed')

def request(method, url, ca, length=None, chunks=()):
    parts = urllib.parse.urlsplit(url)
    context = ssl.create_default_context(cadata=ca) if ca else ssl.create_default_context()
    connection = http.client.HTTPSConnection(parts.hostname, parts.port or 443, timeout=60, context=context)
    connection.putrequest(method, parts.path + '?' + parts.query, skip_accept_encoding=True)
    if length is not None: connection.putheader('Content-Length', str(length))
    connection.endheaders()
    for chunk in chunks: connection.send(chunk)
    answer = connection.getresponse()
    if answer.status == 200: return connection, answer
    said = answer.read(2000).decode('utf-8', 'replace')
    connection.close()
    code = said.partition('<Code>')[2].partition('<')[0]
    raise Trouble('the store answered %d %s' % (answer.status, code))

def send(folder, asked):
    pieces, size = archive(folder)
    for number, url in enumerate(asked['urls'], 1):
        begin = (number - 1) * asked['partBytes']
        end = min(size, begin + asked['partBytes'])
        for left in range(TRIES - 1, -1, -1):
            try:
                connection, answer = request('PUT', url, asked['ca'], end - begin, telling(read(pieces, begin, end), begin, size))
                answer.read()
                connection.close()
                break
            except (OSError, Trouble, http.client.HTTPException) as error:
                if not left: raise Trouble('part %d: %s' % (number, error))
                say('part %d: %s; it is sent again' % (number, error))
                time.sleep(TRIES - left)
        say('%d of %d bytes' % (end, size))

class Measured:
    'What is read through it is counted.'
    def __init__(self, source, size):
        self.source, self.size, self.count, self.told, self.digest = source, size, 0, 0, hashlib.sha256()
    def read(self, length):
        chunk = self.source.read(length)
        self.count += len(chunk)
        if self.count > self.size: raise Trouble('the store gives more than was stored')
        self.digest.update(chunk)
        if time.monotonic() - self.told > 2:
            self.told = time.monotonic()
            say('%d of %d bytes' % (self.count, self.size))
        return chunk

def unpack(tar, member, folder):
    if member.type != tarfile.REGTYPE or not MEMBER.fullmatch(member.name):
        raise Trouble('there is something in it that is not of a dump')
    path = os.path.join(folder, member.name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with tar.extractfile(member) as source, open(path, 'xb') as file: shutil.copyfileobj(source, file, CHUNK)

def fetch(folder, asked):
    connection, answer = request('GET', asked['url'], asked['ca'])
    measured = Measured(answer, asked['sizeBytes'])
    with tarfile.open(fileobj=measured, mode='r|') as tar:
        for member in tar: unpack(tar, member, folder)
    while measured.read(CHUNK): pass
    if measured.digest.hexdigest() != asked['checksum']:
        raise Trouble('what the store gave is not what was stored: its checksum is another one')

try:
    {'seal': seal, 'send': send, 'fetch': fetch}[sys.argv[1]](sys.argv[2], json.load(sys.stdin))
except (OSError, Trouble, http.client.HTTPException, tarfile.TarError) as error:
    say('ERROR: %s' % error)
    sys.exit(1)
`;
