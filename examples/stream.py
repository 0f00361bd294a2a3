"""A conversation, its answers printed as they come. Usage: stream.py [MODEL [NEXT_MODEL]]"""

import sys

import interlingua as il

first, second = (*sys.argv[1:], "local/smollm2", "local/smollm2")[:2]

chat = il.Chat(first, system="You are a helpful assistant. Answer in one short sentence.")
for text in chat.stream("Name a colour.").texts():
    print(text, end="", flush=True)
print()

chat.use(second)  # history and ids survive; what the other model cannot take is in reply.losses
stream = chat.stream("Why that one?")
for text in stream.texts():
    print(text, end="", flush=True)
print(f"\n({stream.reply.model}, first token after {stream.reply.timing.first_token:.2f} s)")
