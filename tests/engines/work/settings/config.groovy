// SPDX-License-Identifier: Apache-2.0
// Reads a Nextflow configuration as Nextflow does (ConfigSlurper), asks its closures what
// a first and a second attempt get, and prints that: SELECTOR CPUS MIB MIB, then what is
// done about exit codes. Nextflow's own numbers with units are made up here.
class Memory {
    long bytes
    Memory multiply(Number n) { new Memory(bytes: bytes * n) }
}

Number.metaClass.getMB = { -> new Memory(bytes: (delegate as long) << 20) }

def of(Closure closure, Map task) {
    closure.delegate = [task: task]
    closure.resolveStrategy = Closure.DELEGATE_FIRST
    closure.call()
}

def process = new ConfigSlurper().parse(new File(args[0]).text).process
process.findAll { it.value instanceof ConfigObject }.each { name, c ->
    def mib = [1, 2].collect { of(c.memory, [attempt: it]).bytes >> 20 }
    println "${name} ${c.cpus} ${mib[0]} ${mib[1]}"
}
println "retry ${[137, 1].collect { of(process.errorStrategy, [exitStatus: it]) }} ${process.maxRetries}"
