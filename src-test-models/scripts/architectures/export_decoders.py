"""exports of many tiny models: export_decoders.py names  -> out/<name>/<key>.onnx, files.json"""
import sys,os,inspect,json,torch
sys.path[:0]=[os.path.dirname(os.path.abspath(__file__)),os.environ['CONFORMANCE_GENERATE']]
from arch import Arch,reinit
from export import Exporter, plain_forward
from suite_json import dump
import probe
def arch_of(n):
    def build(attn):
        return reinit(probe.M[n](attn), 1+sum(map(ord,n)))
    m=probe.M[n]()
    sig=inspect.signature(type(m).forward).parameters
    a=Arch(n,type(m).__name__,build,'causal_lm')
    a.positions='position_ids' in sig
    a.mask='attention_mask' in sig and n!='rwkv'
    return a
def exporter(a,out):
    names=['input_ids']+(['attention_mask'] if a.mask else [])+(['position_ids'] if a.positions else [])
    def feeds(b,s,pad=0):
        g=torch.Generator().manual_seed(b*100+s)
        ids=torch.randint(1,a.vocab,(b,s),generator=g)
        am=torch.ones(b,s,dtype=torch.long)
        if pad: am[0,:pad]=0
        pos=(am.cumsum(-1)-1).clamp(min=0)
        d={'input_ids':ids,'attention_mask':am,'position_ids':pos}
        return {k:d[k] for k in names}
    ch=[(2,7),(1,4),(3,11),(1,1)]+([(2,9,3)] if a.mask else [])
    return Exporter(a,out,names,['logits'],feeds,lambda n:{0:'batch',1:'seq'},ch)
if __name__=='__main__':
    names=sys.argv[1].split(',') if len(sys.argv)>1 else list(probe.M)
    for n in names:
        try: a=arch_of(n)
        except Exception as e: print('SKIP',n,str(e)[:100]); continue
        out=f'out/{n}'; os.makedirs(out,exist_ok=True)
        e=exporter(a,out)
        e.torchscript(); e.dynamo()
        if n not in('mamba','mamba2','rwkv','bloom','mpt','gptj','codegen','xlnet'):
            e.torchscript('torchscript_sdpa',attn='sdpa'); e.dynamo('dynamo_sdpa',attn='sdpa')
        open(out+'/files.json','w').write(dump({'files':e.files,'failed_exports':e.failures}))
        print(n,'ok',list(e.files),'FAILED',{k:str(v)[-160:] for k,v in e.failures.items()},flush=True)
